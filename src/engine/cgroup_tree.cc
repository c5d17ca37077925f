// SPDX-License-Identifier: Apache-2.0
#include "engine/cgroup_tree.h"

#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "run/control.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using linux::kCwd;

constexpr int kNotDone = 125;

// A new group of cpuset starts empty, and takes no process before it has CPUs and memory nodes.
Status join_v1(std::string_view mount, std::string_view parent) {
  CgroupPath path;
  RECAP_TRY(make_group(mount, parent, path));
  const auto below = base::concat<255>(parent, "/keepers");
  const CgroupPath outer = path;
  RECAP_TRY(make_group(mount, below, path));
  if (mount.find("cpuset") != std::string_view::npos) {
    for (const CgroupPath& group : {outer, path}) {
      for (const std::string_view file : {"cpuset.cpus", "cpuset.mems"}) {
        std::array<char, 1024> buffer;
        const auto from = base::concat<255>(kCgroupRoot, "/", mount, "/", file);
        const auto to = base::concat<300>(group, "/", file);
        const std::string_view all = RECAP_TRY(linux::read_file_at(kCwd, from.c_str(), buffer));
        RECAP_TRY(linux::write_file_at(kCwd, to.c_str(), all));
      }
    }
  }
  return linux::write_file_at(kCwd, base::concat<300>(path, "/tasks").c_str(), "0");
}

// Whoever waits for us waits for the child.
[[noreturn]] void end_with(const linux::Child& child) {
  auto ended = linux::wait_any();
  while (ended && ended->pid != child.pid) {
    ended = linux::wait_any();
  }
  linux::exit_now(ended && WIFEXITED(ended->status) ? WEXITSTATUS(ended->status) : kNotDone);
}

// Our end is seen after this, or the caller would take it for the keeper's.
[[noreturn]] void hand_over_to(const linux::Child& child, int caller) {
  const run::Event moved{.type = run::EventType::kMoved};
  const int pidfd = child.pidfd.get();
  (void)linux::send(caller, std::as_bytes(std::span(&moved, 1)), std::span(&pidfd, 1));
  linux::exit_now(0);
}

// The v2 hierarchy cannot be joined cheaply by a living process, only at birth.
Status continue_in_child(std::string_view mount, std::string_view parent, int caller) {
  CgroupPath path;
  RECAP_TRY(make_group(mount, parent, path));
  RECAP_TRY(make_group(mount, base::concat<255>(parent, "/keepers"), path));
  const linux::DirFd group = RECAP_TRY(linux::open_dir_at(kCwd, path.c_str()));
  if (caller < 0) {
    RECAP_TRY(linux::wait_for_children());
  }
  const linux::Child child = RECAP_TRY(linux::fork(0, group.get()));
  if (child.pid == 0) {
    return linux::ignore_children();
  }
  if (caller < 0) {
    end_with(child);
  }
  hand_over_to(child, caller);
}

}  // namespace

Status make_group(std::string_view mount, std::string_view path, CgroupPath& made) {
  made = base::concat<255>(kCgroupRoot, mount.empty() ? "" : "/", mount, "/", path);
  if (made.truncated()) {
    return Error(Kind::kInvalid, "the cgroup path is too long");
  }
  auto status = linux::make_dir_at(kCwd, made.c_str(), 0755);
  return !status && status.error().kind() == Kind::kExists ? Status{} : std::move(status);
}

Result<CgroupLayout> cgroup_layout() {
  constexpr std::int64_t kCgroup2Magic = 0x63677270;
  const std::int64_t type = RECAP_TRY(linux::filesystem_type(kCgroupRoot.data()));
  return type == kCgroup2Magic ? CgroupLayout::kV2 : CgroupLayout::kV1;
}

Status leave_starters_cgroups(std::string_view parent, int caller) {
  const CgroupLayout layout = RECAP_TRY(cgroup_layout());
  std::array<char, 8192> buffer;
  std::string_view rest = RECAP_TRY(linux::read_file_at(kCwd, "/proc/self/cgroup", buffer));
  const auto keepers = base::concat<255>("/", parent, "/keepers");
  bool reborn = false;
  while (!rest.empty()) {  // ID:CONTROLLERS:PATH
    std::string_view line = linux::next_line(rest);
    line.remove_prefix(std::min(line.find(':') + 1, line.size()));
    std::string_view mount(line.data(), std::min(line.find(':'), line.size()));
    line.remove_prefix(std::min(mount.size() + 1, line.size()));
    if (line == keepers.view() || (line == "/" && layout == CgroupLayout::kV1)) {
      continue;
    }
    if (mount.empty()) {
      reborn = true;
    } else {
      if (mount.starts_with("name=")) {
        mount.remove_prefix(5);
      }
      RECAP_TRY(join_v1(mount, parent));
    }
  }
  if (reborn) {
    return continue_in_child(layout == CgroupLayout::kV2 ? "" : "unified", parent, caller);
  }
  return {};
}

}  // namespace recap::engine
