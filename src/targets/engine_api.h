// SPDX-License-Identifier: Apache-2.0
// Docker and Podman, asked over their sockets. Both speak the same dialect of REST; what differs is
// in docker.cc and podman.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/json.h"
#include "targets/target.h"

namespace recap::targets {

struct Engine {
  std::string_view runtime;                       // "docker", "podman"
  std::string_view title;                         // "Docker", "Podman"
  std::string_view path;                          // before "/containers/…"
  base::Result<Target> (*parse)(Json container);  // an answer to inspect
};
const Engine& docker_engine();
const Engine& podman_engine();

// The container that the engine knows by `name`: its name, id or id prefix. nullopt when it knows
// none, or does not run. kInvalid when the prefix is ambiguous.
base::Result<std::optional<Target>> engine_container(const Engine& engine,
                                                     const std::string& socket,
                                                     std::string_view name);

// Ids of the running and paused containers; empty when the engine does not run.
base::Result<std::vector<std::string>> engine_ids(const Engine& engine, const std::string& socket);

// What both inspect answers share: Id, State, Config.Labels.
base::Result<Target> parse_container(Json container, std::string_view runtime);

}  // namespace recap::targets
