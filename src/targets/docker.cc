// SPDX-License-Identifier: Apache-2.0
// What is Docker's own in the engines' dialect (engine_api.h), and docker.h. No API version in the
// path: the fields read here are in every version.
#include "targets/docker.h"

#include "targets/annotations.h"
#include "targets/engine_api.h"
#include "targets/files.h"
#include "targets/json.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

base::Result<Target> parse_docker(Json container) {
  Target target = RECAP_TRY(parse_container(container, "docker"));
  target.image = container["Config"]["Image"].text();
  target.oci_runtime = container["HostConfig"]["Runtime"].text();
  return target;
}

}  // namespace

const Engine& docker_engine() {
  static constexpr Engine kEngine{"docker", "Docker", "", parse_docker};
  return kEngine;
}

base::Status add_docker_names(Target& target, const std::string& data) {
  using base::Error;
  using base::Kind;
  if (!is_hex64(target.id)) {
    return Error(Kind::kNotFound, "is no container of Docker's");
  }
  const auto dir = RECAP_TRY(open_root(data + "/containers/" + target.id));
  const std::string text = RECAP_TRY(read_state(dir, "config.v2.json"));
  const auto document = RECAP_TRY(JsonDocument::parse(text, data + "'s config.v2.json"));
  const Json root = document.root();
  const std::string_view name = root["Name"].text();
  if (root["ID"].text() != target.id || !name.starts_with('/') || !is_engine_name(name.substr(1))) {
    return Error(Kind::kCorrupt, data + " names another container");
  }
  target.name = name.substr(1);
  target.image = root["Config"]["Image"].text();
  add_labels(target, root["Config"]["Labels"]);
  fill_pod_names_by_name(target);
  return {};
}

}  // namespace recap::targets
