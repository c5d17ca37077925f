// SPDX-License-Identifier: Apache-2.0
// Starting a keeper. Its program is part of this one, and runs from a sealed memfd: neither the
// target nor a file on disk can change it (CVE-2019-5736).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "capsule/start_child.h"
#include "linux/unique_fd.h"

namespace recap::capsule {

// What the function will have as its 0, 1 and 2.
struct FunctionFds {
  linux::UniqueFd in, out, err;
};

// What a run is about: its sealed run::Spec, the target's pidfd, and where artifacts go (invalid
// for OutMode::kNone).
struct Assignment {
  linux::UniqueFd spec, target, artifacts;
};

// A keeper that waits for its run: it starts, and leaves its starter's cgroups, while we still find
// out what is wanted. One that is let go without a run leaves by itself. Stays where it was made:
// until its exec the keeper uses our memory.
class WaitingKeeper {
 public:
  WaitingKeeper() = default;
  WaitingKeeper(const WaitingKeeper&) = delete;
  WaitingKeeper& operator=(const WaitingKeeper&) = delete;
  ~WaitingKeeper();

  // In a session of its own, with those descriptors and no others, no environment, in "/". Our
  // copies are closed. `cgroup_parent` as in run::Spec, and as long-lived as this. Once.
  base::Status start(FunctionFds fds, const char* cgroup_parent);

  // Gives it its run; returns the socket on which it tells what happens (run/control.h).
  // kUnsupported when the kernel forbids executable memfds (vm.memfd_noexec).
  base::Result<linux::UniqueFd> assign(Assignment fds);

  // Readable when the keeper has ended. The socket's end alone does not tell: a stub has a copy of
  // the keeper's side until it has dropped what it inherited, and who is stopped drops nothing.
  // Whom we started may end early, and a child of it go on (EventType::kMoved).
  [[nodiscard]] const linux::PidFd& process() const { return process_; }

 private:
  StartPlan plan_;
  std::uint32_t is_in_our_memory_ = 0;
  linux::UniqueFd socket_;
  linux::PidFd process_;
  alignas(16) std::array<std::byte, 16384> stack_;
};

// A keeper that cleans up after the run whose directory this is: argv {"recap-keeper", "recover"},
// descriptor 3 the directory, the others of run::KeeperFd /dev/null.
base::Result<linux::PidFd> start_recovery(linux::UniqueFd run_dir);

}  // namespace recap::capsule
