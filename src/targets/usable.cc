// SPDX-License-Identifier: Apache-2.0
// See usable.h.
#include "targets/usable.h"

#include <algorithm>
#include <optional>
#include <string>

#include "targets/cgroup.h"
#include "targets/process.h"
#include "targets/sandbox.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

Status paused(const Target& target) {
  return Error(Kind::kBusy, "target " + shown(target.name) + " is paused: unpause it first");
}

// How to write `target` so that it is told from its rivals: for a pod by the container's name, else
// by runtime, with ids short enough for a list but longer than what was ambiguous.
std::string distinct_address(Target target, std::string_view reference) {
  if (reference.starts_with("pod/")) {
    const std::string by_container =
        "pod/" + target.pod_namespace + "/" + target.pod + "/" + target.container;
    if (by_container != reference) {
      return by_container;
    }
  }
  if (is_hex64(target.name)) {
    target.name.resize(std::min<std::size_t>(64, std::max<std::size_t>(12, reference.size() + 4)));
  }
  const std::string address = address_of(target);
  return address != reference ? address : "pid:" + std::to_string(target.pid);
}

Error ambiguous(std::string_view reference, const std::vector<Target>& rivals) {
  constexpr std::size_t kMaxListed = 8;
  std::string list;
  for (std::size_t i = 0; i < std::min(rivals.size(), kMaxListed); ++i) {
    list += (i == 0 ? "" : ", ") + escaped(distinct_address(rivals[i], reference));
  }
  if (rivals.size() > kMaxListed) {
    list += " or " + std::to_string(rivals.size() - kMaxListed) + " more";
  }
  return {Kind::kInvalid, "target " + shown(reference) + " is ambiguous: write one of " + list};
}

Error not_found(std::string_view reference) {
  std::string message = "there is no target " + shown(reference) +
                        " on this host: `recap targets` lists what runs here";
  if (parse_number(reference)) {
    message.append(", pid:").append(reference).append(" is the process of that number");
  }
  return {Kind::kNotFound, message};
}

}  // namespace

Status check_usable(Target& target, const Roots& roots) {
  RECAP_TRY(refuse_sandbox_runtime(target));
  if (target.state == State::kPaused) {
    return paused(target);
  }
  if (target.state == State::kStopped) {
    return Error(Kind::kNotFound,
                 "target " + shown(target.name) + " is not running: start it first");
  }
  auto process = ProcessDir::open(roots, target.pid);
  if (!process) {
    return Error(Kind::kNotFound, "target " + shown(target.name) + " has ended");
  }
  RECAP_TRY(check_process(target, *process));
  return refuse_frozen(target, RECAP_TRY(process->cgroups()), roots);
}

Status refuse_frozen(const Target& target, std::string_view cgroups, const Roots& roots) {
  return is_frozen(cgroups, roots) ? paused(target) : Status();
}

Result<Target> choose(std::string_view reference, std::vector<Target> candidates,
                      const Roots& roots) {
  std::vector<Target> rivals;    // they run, whether they may be attached to or not
  std::optional<Error> refusal;  // of the last rival
  std::optional<Error> ended;
  for (Target& candidate : candidates) {
    const Status status = check_usable(candidate, roots);
    if (!status && status.error().kind() == Kind::kNotFound) {
      ended = status.error();
      continue;
    }
    refusal = status ? std::nullopt : std::optional(status.error());
    rivals.push_back(std::move(candidate));
  }
  if (rivals.size() > 1) {
    return ambiguous(reference, rivals);
  }
  if (rivals.size() == 1 && !refusal) {
    return std::move(rivals.front());
  }
  return refusal ? *refusal : ended ? *ended : not_found(reference);
}

}  // namespace recap::targets
