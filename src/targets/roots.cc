// SPDX-License-Identifier: Apache-2.0
// The environment's say in where runtimes keep their state, and how a target is addressed.
#include <cstdlib>

#include "targets/target.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

void replace(std::vector<std::string>& paths, const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) {
    return;
  }
  paths.clear();
  for (const auto path : split(value, ':')) {
    paths.emplace_back(path);
  }
}

// The engines' own variable holds one URL.
void replace_by_url(std::vector<std::string>& sockets, const char* variable) {
  constexpr std::string_view kUnix = "unix://";
  const char* value = std::getenv(variable);
  if (value != nullptr && std::string_view(value).starts_with(kUnix)) {
    sockets = {std::string(value).substr(kUnix.size())};
  }
}

}  // namespace

Roots roots_from_env() {
  Roots roots;
  replace_by_url(roots.docker_sockets, "DOCKER_HOST");
  replace(roots.docker_sockets, "RECAP_DOCKER_SOCKET");
  replace_by_url(roots.podman_sockets, "CONTAINER_HOST");
  replace(roots.podman_sockets, "RECAP_PODMAN_SOCKET");
  replace(roots.oci_roots, "RECAP_OCI_ROOTS");
  replace(roots.containerd_roots, "RECAP_CONTAINERD_ROOTS");
  replace(roots.docker_data, "RECAP_DOCKER_DATA");
  replace(roots.podman_storages, "RECAP_PODMAN_STORAGE");
  return roots;
}

std::string address_of(const Target& target) {
  if (target.name.starts_with("pid:")) {
    return target.name;
  }
  const std::string ns = target.runtime == "containerd" ? target.ns + "/" : "";
  return target.runtime + "://" + ns + target.name;
}

}  // namespace recap::targets
