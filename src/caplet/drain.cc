// SPDX-License-Identifier: Apache-2.0
#include "caplet/drain.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "caplet/host.h"
#include "caplet/state.h"
#include "capsule/keeper_link.h"
#include "capsule/recover.h"
#include "capsule/runs.h"
#include "capsule/stage.h"
#include "linux/error.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Status;

// Asks the keeper of a run to end it; one that has none any more is cleaned up.
bool has_ended(const capsule::Dirs& dirs, const std::string& run, std::uint64_t end_ns,
               std::uint64_t grace_ms) {
  auto link = capsule::KeeperLink::connect(dirs, run);
  if (!link || !link->send({.type = run::CommandType::kStop, .signal = 0, .grace_ms = grace_ms})) {
    (void)capsule::recover_run(dirs.state, run);
    return true;
  }
  for (;;) {
    const std::uint64_t now = linux::monotonic_ns();
    const auto answer =
        link->receive(now < end_ns ? static_cast<std::int64_t>((end_ns - now) / 1'000'000) : 0);
    if (!answer) {
      return answer.error().kind() != Kind::kTimeout;
    }
    if (answer->event.type == run::EventType::kDone) {
      return true;
    }
  }
}

Status end_runs(const Words& words, const std::vector<std::string>& runs) {
  const std::uint64_t end = linux::monotonic_ns() + words.timeout_ms * 1'000'000;
  std::size_t left = 0;
  for (const std::string& run : runs) {
    left += has_ended(words.options.dirs, run, end, words.timeout_ms / 2) ? 0 : 1;
  }
  if (left != 0) {
    return Error(Kind::kTimeout,
                 base::concat<120>(left, " runs have not ended in time: see `recap ps`"));
  }
  return {};
}

Status remove_directory(const std::string& path) {
  std::error_code failed;
  std::filesystem::remove_all(path, failed);
  return failed ? linux::failed("remove", path, failed.value()) : Status();
}

// The parents of all runs' cgroups, in each hierarchy that there is.
void remove_cgroups() {
  constexpr const char* kRoot = "/sys/fs/cgroup";
  std::vector<std::string> mounts{kRoot};
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot, ignored)) {
    mounts.push_back(entry.path());
  }
  for (const std::string& mount : mounts) {
    const std::string parent = mount + "/" + capsule::kCgroupParent;
    (void)::rmdir((parent + "/keepers").c_str());
    (void)::rmdir(parent.c_str());
  }
}

}  // namespace

std::string drain_mark(const capsule::Dirs& dirs) { return dirs.data + "/caplet/drain"; }

Status drain(const Words& words) {
  const capsule::Dirs& dirs = words.options.dirs;
  const auto mark =
      linux::open_at(linux::kCwd, drain_mark(dirs).c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
  std::vector<std::string> runs;
  for (const AssignmentState& state : RECAP_TRY(StateStore::read_all(dirs.data))) {
    for (const LiveRun& run : state.live) {
      runs.push_back(run.id);
    }
  }
  return end_runs(words, runs);
}

Status uninstall(const Words& words) {
  const capsule::Dirs& dirs = words.options.dirs;
  RECAP_TRY(join_hosts_files());
  std::vector<std::string> runs;
  for (const capsule::Run& run : RECAP_TRY(capsule::list_live(dirs))) {
    runs.push_back(run.id);
  }
  RECAP_TRY(end_runs(words, runs));
  RECAP_TRY(remove_directory(dirs.state));
  RECAP_TRY(remove_directory(dirs.data));
  remove_cgroups();
  return {};
}

}  // namespace recap::caplet
