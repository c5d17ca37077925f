// SPDX-License-Identifier: Apache-2.0
// A keeper is known by its pid and start time. The lock on the ledger is left to the recovering
// keeper: whoever only looks must not hold it, or a keeper that is just starting would be refused.
#include "capsule/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "capsule/runs.h"
#include "capsule/start.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::capsule {
namespace {

constexpr std::int64_t kStartingSeconds = 5;  // a run this young may not have its pid file yet
constexpr std::int64_t kRecoveryTimeoutMs = 15000;
constexpr std::int64_t kDyingMs = 5000;

bool is_young(int runs, const char* name) {
  auto info = linux::stat_at(runs, name, 0);
  return info && linux::wall_clock_s() - info->stx_mtime.tv_sec < kStartingSeconds;
}

std::optional<KeeperId> keeper_of(int run_dir) {
  std::array<char, 64> buffer{};
  auto text = linux::read_file_at(run_dir, "pid", buffer);
  return text ? parse_pid_file(*text) : std::nullopt;
}

// Not: could not be looked at (no descriptor to have).
bool is_gone(const base::Error& error) {
  return error.kind() == base::Kind::kGone || error.kind() == base::Kind::kNotFound;
}

// Waits up to `timeout_ms` for the end of that very process; false when it lives on.
bool is_dead(const KeeperId& keeper, std::int64_t timeout_ms) {
  const int pid = static_cast<int>(keeper.pid);
  auto pidfd = linux::open_pidfd(pid);
  if (!pidfd) {
    return is_gone(pidfd.error());
  }
  auto start = linux::start_time_of(pid);
  if (!start) {
    return is_gone(start.error());
  }
  if (*start != keeper.start_time) {
    return true;
  }
  // A zombie, which has its start time still, is as readable as a process that ended.
  std::array<linux::PollFd, 1> ended{linux::PollFd{pidfd->get(), linux::kPollIn, 0}};
  auto ready = linux::poll(ended, timeout_ms);
  return ready && *ready != 0;
}

bool needs_recovery(int run_dir, int runs, const char* name) {
  const auto keeper = keeper_of(run_dir);
  return keeper ? is_dead(*keeper, 0) : !is_young(runs, name);
}

base::Result<std::vector<std::string>> names_in(int runs, std::size_t limit) {
  std::vector<std::string> names;
  base::Status ok = linux::each_entry(runs, [&](const char* name, unsigned char) {
    if (is_run_id(name)) {
      names.emplace_back(name);
    }
    return true;
  });
  if (!ok) {
    return std::move(ok).error();
  }
  if (limit != 0 && names.size() > limit) {
    const auto start = static_cast<std::ptrdiff_t>(linux::monotonic_ns() / 1000 % names.size());
    std::rotate(names.begin(), names.begin() + start, names.end());
    names.resize(limit);
  }
  return names;
}

void wait_for(std::vector<linux::PidFd>& keepers) {
  const std::uint64_t end =
      linux::monotonic_ns() + static_cast<std::uint64_t>(kRecoveryTimeoutMs) * 1000000;
  for (const linux::PidFd& keeper : keepers) {
    const std::uint64_t now = linux::monotonic_ns();
    std::array<linux::PollFd, 1> wait{linux::PollFd{keeper.get(), linux::kPollIn, 0}};
    (void)linux::poll(wait, now < end ? static_cast<std::int64_t>((end - now) / 1000000) : 0);
  }
}

// A keeper killed right after it had made its stub had no time to write that down. The stub leaves
// by itself, and is our child by now (start.cc). One that the target stopped has to be told to go
// on; until it does it may have the lock on the ledger.
void wait_for_adopted() {
  const std::uint64_t end = linux::monotonic_ns() + std::uint64_t{kDyingMs} * 1000000;
  while (linux::has_children() && linux::monotonic_ns() < end) {
    linux::continue_stopped_children();
    (void)linux::poll({}, 1);
  }
}

// False when there is nothing (any more).
base::Result<bool> try_to_recover(const std::string& path) {
  auto run_dir = linux::open_dir_at(linux::kCwd, path.c_str());
  if (!run_dir) {
    return false;
  }
  const auto keeper = keeper_of(run_dir->get());
  if (keeper && !is_dead(*keeper, kDyingMs)) {
    return base::Error(base::Kind::kBusy,
                       base::concat<120>("its keeper, process ", keeper->pid, ", still lives"));
  }
  std::vector<linux::PidFd> keepers;
  keepers.push_back(RECAP_TRY(start_recovery(linux::UniqueFd(run_dir->release()))));
  wait_for(keepers);
  wait_for_adopted();
  return true;
}

}  // namespace

base::Result<std::size_t> recover_dead_runs(const std::string& state_dir, std::size_t limit) {
  auto runs = linux::open_dir_at(linux::kCwd, (state_dir + "/runs").c_str());
  if (!runs) {
    if (runs.error().errno_value() == ENOENT) {
      return std::size_t{0};
    }
    return std::move(runs).error();
  }
  std::vector<linux::PidFd> keepers;
  for (const std::string& name : RECAP_TRY(names_in(runs->get(), limit))) {
    auto run_dir = linux::open_dir_at(runs->get(), name.c_str());
    if (run_dir && needs_recovery(run_dir->get(), runs->get(), name.c_str())) {
      keepers.push_back(RECAP_TRY(start_recovery(linux::UniqueFd(run_dir->release()))));
    }
  }
  wait_for(keepers);
  return keepers.size();
}

base::Status recover_run(const std::string& state_dir, const std::string& run_id) {
  const std::string path = state_dir + "/runs/" + run_id;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!RECAP_TRY(try_to_recover(path))) {
      return {};
    }
  }
  return linux::open_dir_at(linux::kCwd, path.c_str())
             ? base::Error(base::Kind::kBusy,
                           "what is left of it does not end yet: `recap ps` tries again")
             : base::Status();
}

}  // namespace recap::capsule
