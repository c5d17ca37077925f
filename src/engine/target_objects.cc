// SPDX-License-Identifier: Apache-2.0
#include "engine/target_objects.h"

#include <cerrno>

#include "base/fixed_string.h"
#include "engine/hash.h"
#include "engine/ipc.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::engine {

namespace {

constexpr std::uint64_t kPatienceNs = 2'000'000'000;

bool is_missing(const base::Error& error) {
  return error.errno_value() == ENOENT || error.errno_value() == ESRCH;
}

template <typename F>
Status each_stopped_process(int proc, std::uint64_t deadline_ns, F&& visit) {
  // Opened anew: a directory is read from its beginning once.
  const linux::DirFd processes = RECAP_TRY(linux::open_dir_at(proc, "."));
  Status worst;
  RECAP_TRY(linux::each_entry(processes.get(), [&](const char* name, unsigned char) {
    const auto pid = linux::parse_number(name);
    if (!pid) {
      return true;
    }
    const auto state = linux::state_of(proc, static_cast<int>(*pid));
    if (state && (*state == 'T' || *state == 't')) {
      visit(base::concat<160>("stopped: process ", *pid, " of the target").view());
    } else if (!state && !is_missing(state.error())) {
      worst = state.error();
    } else if (linux::monotonic_ns() > deadline_ns) {
      worst = base::Error(base::Kind::kTimeout, "reading the processes takes too long");
    }
    return worst.has_value();
  }));
  return worst;
}

}  // namespace

Status each_object(const run::Spec& spec, const RunIds& ids, const Target& target, void* context,
                   VisitObject report) {
  const auto visit = [&](std::string_view what) {
    report(context, Hash().add(what).value(), what);
  };
  const std::uint64_t deadline_ns = linux::monotonic_ns() + kPatienceNs;
  const std::uint8_t wanted = looks_at(spec);
  if ((wanted & kLooksAtProcesses) != 0) {
    RECAP_TRY(each_stopped_process(target.view->proc.get(), deadline_ns, visit));
  }
  if ((wanted & kLooksAtIpc) != 0) {
    RECAP_TRY(each_other_ipc_object(target.ipc_ns, ids, [&visit](std::uint64_t object) {
      visit(base::concat<160>("ipc: System V ", ipc_kind_name(object), " ", ipc_id(object)).view());
    }));
  }
  return (wanted & kLooksAtNetwork) == 0
             ? Status{}
             : each_network_object(target.view->network.get(), deadline_ns, context, report);
}

}  // namespace recap::engine
