// SPDX-License-Identifier: Apache-2.0
// Holding on to the right process. A pid is only a number that the kernel hands out again; so the
// pidfd is taken first, then everything that identifies the process is read, and then the pidfd
// says whether what was read was still its process.
#include <sys/types.h>

#include <csignal>
#include <string>

#include "linux/process.h"
#include "targets/cgroup.h"
#include "targets/process.h"
#include "targets/target.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

Error gone(const Target& target) {
  return {Kind::kGone, "target " + shown(target.name) + " has ended"};
}

Error not_it(const Target& target, std::string_view why) {
  return {Kind::kDenied, "process " + std::to_string(target.pid) + " is not target " +
                             shown(target.name) + ": " + std::string(why)};
}

// The pid that both we and this /proc mean: a /proc of another pid namespace numbers otherwise.
Status check_ids(const Target& target, const ProcessDir& process) {
  const auto ids = process.ids();
  if (!ids) {
    return gone(target);
  }
  if (ids->thread_group != target.pid) {
    return not_it(target, "it is a thread of another process");
  }
  if (!ids->in_namespaces.empty() && ids->in_namespaces.front() != target.pid) {
    return not_it(target, "/proc is of another pid namespace");
  }
  return {};
}

Status check_cgroups(const Target& target, const ProcessDir& process, const Roots& roots) {
  if (target.id.empty()) {
    return {};  // a plain process, named by its pid
  }
  const auto cgroups = process.cgroups();
  if (!cgroups) {
    return gone(target);
  }
  switch (compare(*cgroups, host_cgroups(roots), target.id, target.cgroup)) {
    case Naming::kThisContainer:
      return {};
    case Naming::kAnotherContainer:
      return not_it(target, "its cgroup belongs to another container");
    case Naming::kNoContainer:
      break;
  }
  // A container without a cgroup of its own is known by the start time that its runtime recorded,
  // which check_process() has compared.
  return target.start_time_recorded ? Status()
                                    : not_it(target, "its cgroup does not name the container");
}

}  // namespace

Result<Pinned> pin(Target target, const Roots& roots) {
  auto pidfd = linux::open_pidfd(static_cast<int>(target.pid));
  if (!pidfd) {
    return pidfd.error().kind() == Kind::kGone ? gone(target) : pidfd.error();
  }
  const auto process = ProcessDir::open(roots, target.pid);
  if (!process) {
    return gone(target);
  }
  // find() has noted the start time, so a pid that was reused since then shows here.
  const bool known_start = target.start_time != 0;
  Target checked = target;
  checked.start_time_recorded = known_start;
  if (const auto stat = check_process(checked, *process); !stat) {
    return stat.error().kind() == Kind::kNotFound ? gone(target) : stat.error();
  }
  RECAP_TRY(check_ids(target, *process));
  RECAP_TRY(check_cgroups(target, *process, roots));
  // /proc/PID was opened while the pidfd was held; if the pidfd's process lives, it was that one.
  if (!linux::send_signal(pidfd->get(), 0)) {
    return gone(target);
  }
  target.start_time = checked.start_time;
  return Pinned{std::move(target), *std::move(pidfd)};
}

}  // namespace recap::targets
