// SPDX-License-Identifier: Apache-2.0
// Everything a Capsule could be attached to, for people and for the Caplet.
#include <algorithm>
#include <tuple>

#include "targets/engine_api.h"
#include "targets/known.h"
#include "targets/sandbox.h"
#include "targets/target.h"
#include "targets/usable.h"

namespace recap::targets {
namespace {

using base::Kind;
using base::Result;
using base::Status;
using Targets = std::vector<Target>;

Status add_engine(Targets& targets, const Engine& engine, const std::vector<std::string>& sockets) {
  for (const std::string& socket : sockets) {
    for (const std::string& id : RECAP_TRY(engine_ids(engine, socket))) {
      // One that ended between the two questions is simply not there any more.
      if (auto found = RECAP_TRY(engine_container(engine, socket, id))) {
        merge_into(targets, *std::move(found));
      }
    }
  }
  return {};
}

// Running or paused, on this kernel; sets the state.
bool is_alive(Target& target, const Roots& roots) {
  const Status status = check_usable(target, roots);
  if (!status && status.error().kind() == Kind::kBusy) {
    target.state = State::kPaused;
    return true;
  }
  return status.has_value();
}

}  // namespace

Result<Targets> list(const Roots& roots) {
  Targets targets;
  RECAP_TRY(add_engine(targets, docker_engine(), roots.docker_sockets));
  RECAP_TRY(add_engine(targets, podman_engine(), roots.podman_sockets));
  for (Target& target : RECAP_TRY(known_all(roots))) {
    merge_into(targets, std::move(target));
  }
  std::erase_if(targets, [&](Target& target) { return !is_alive(target, roots); });
  std::ranges::sort(targets, {}, [](const Target& target) {
    return std::tie(target.runtime, target.name, target.id);
  });
  return targets;
}

}  // namespace recap::targets
