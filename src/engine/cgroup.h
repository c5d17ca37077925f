// SPDX-License-Identifier: Apache-2.0
// The run's own cgroup: outside the target's and the starter's, with limits, and the only place
// where the function and all its descendants can be. Keepers and stubs are never in it, so that
// everything in it may be killed at once: a killed stub would leave zombies in the target.
//
// Keepers live in PARENT/keepers, one cgroup for all of them, so that removing the container or
// scope they were started from does not take them along.
//
// Joining: v2 by clone3(CLONE_INTO_CGROUP); v1 by the process writing "0" to `tasks` itself, for
// which the kernel skips the host-wide lock that a write to cgroup.procs waits 7 ms for
// (docs/kernel.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"
#include "engine/cgroup_tree.h"
#include "linux/unique_fd.h"
#include "run/ledger.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

// What a stub needs to put the function into the run's cgroup; it comes from the keeper when the
// cgroup is made, which is after the stub was forked.
class CgroupEntry {
 public:
  // Waits for it. kGone when the keeper ended first.
  Status receive(int socket);

  // For clone3, or -1 where processes join by themselves (v1).
  [[nodiscard]] int clone_into() const { return v2_ ? fds_[0].get() : -1; }
  // The calling process joins (v1; nothing to do on v2).
  [[nodiscard]] Status join_in_child() const;

 private:
  std::array<linux::UniqueFd, 4> fds_;
  bool v2_ = false;
};

class RunCgroup {
 public:
  // Makes PARENT/RUN in each hierarchy, each written down in the ledger first, with its limits.
  // On failure it holds what was made so far, to be removed.
  Status make(const run::Spec& spec, run::Ledger& ledger);
  // Opens what a dead keeper made, by the paths in its ledger; those that are gone are skipped.
  static Result<RunCgroup> adopt(const run::LedgerContents& ledger);

  // Opens the gate of a waiting stub: the message brings what joining needs.
  [[nodiscard]] Status send_entry(int socket) const;

  // No process in it can fork any more: what follows is bounded.
  Status forbid_forks();
  // One round of SIGKILL to everything inside; returns how many it saw (v2: 0 or 1).
  Result<std::size_t> kill_everything();
  // Whether no process is in it. An error says that this could not be found out.
  [[nodiscard]] Result<bool> empty() const;
  [[nodiscard]] std::uint64_t memory_peak() const;
  [[nodiscard]] std::uint64_t oom_kills() const;
  // Shared memory (tmpfs, memfd, System V) that is charged to it, in bytes; 0 when all that is
  // charged is no more than `slack`, which is all that it takes to know.
  [[nodiscard]] std::uint64_t shared_memory_beyond(std::uint64_t slack) const;

  // One attempt to remove it everywhere; what it removed needs no other. kBusy while a task is in
  // it or about to leave it. Missing is success. `release_cache`: file pages may be charged to it.
  Status remove(bool release_cache);

 private:
  static constexpr std::size_t kMaxHierarchies = 4;
  struct Hierarchy {
    linux::DirFd dir;
    linux::UniqueFd tasks;  // v1
    CgroupPath path;
    bool has_pids = false, has_memory = false, has_cpu = false;
  };

  Status make_one(std::string_view mount, std::string_view controllers, const run::Spec& spec,
                  run::Ledger& ledger);
  void release_page_cache(const Hierarchy& h) const;
  [[nodiscard]] const Hierarchy* with(bool Hierarchy::* controller) const;

  std::array<Hierarchy, kMaxHierarchies> hierarchies_{};
  std::size_t count_ = 0;
  CgroupLayout layout_ = CgroupLayout::kV1;
};

}  // namespace recap::engine
