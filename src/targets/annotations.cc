// SPDX-License-Identifier: Apache-2.0
// See annotations.h.
#include "targets/annotations.h"

#include <initializer_list>
#include <string>
#include <string_view>

#include "targets/text.h"

namespace recap::targets {
namespace {

std::string first_of(const Target& target, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) {
    const auto label = target.labels.find(std::string(key));
    if (label != target.labels.end() && !label->second.empty()) {
      return label->second;
    }
  }
  return {};
}

}  // namespace

void add_labels(Target& target, Json object) {
  for (std::size_t i = 0; i < object.size(); ++i) {
    const std::string_view key = object.key(i);
    if (!key.empty()) {
      target.labels[std::string(key)] = object.member(i).text();
    }
  }
}

void fill_pod_names(Target& target) {
  target.pod = first_of(target, {"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"});
  target.pod_namespace =
      first_of(target, {"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"});
  target.container =
      first_of(target, {"io.kubernetes.cri.container-name", "io.kubernetes.container.name"});
  const std::string type =
      first_of(target, {"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType",
                        "io.kubernetes.docker.type"});
  if (type == "sandbox" || type == "podsandbox") {
    target.container.clear();
  }
  if (target.image.empty()) {
    target.image =
        first_of(target, {"io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"});
  }
}

void fill_pod_names_by_name(Target& target) {
  const auto parts = split(target.name, '_');  // no name of Kubernetes holds an underscore
  if (parts.size() < 6 || parts[0] != "k8s") {
    return;
  }
  target.container = parts[1] == "POD" ? "" : parts[1];  // POD: the sandbox
  target.pod = parts[2];
  target.pod_namespace = parts[3];
}

}  // namespace recap::targets
