// SPDX-License-Identifier: Apache-2.0
// Which cgroup layout this host has, and whether a run's own cgroup can be made in it.
#include <errno.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <string>

#include "cli/doctor.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::cli {
namespace {

using base::Status;

constexpr std::array<std::string_view, 3> kControllers = {"cpu", "memory", "pids"};

std::string read_text(const std::string& path) {
  std::string buffer(1 << 20, '\0');
  const auto text = linux::read_file_at(linux::kCwd, path.c_str(), buffer);
  return text ? std::string(*text) : "";
}

// `word` as a whole among those between commas or blanks.
bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const auto splits = [](char c) { return c == ',' || c == ' ' || c == '\n'; };
    if ((at == 0 || splits(text[at - 1])) && (end == text.size() || splits(text[end]))) {
      return true;
    }
  }
  return false;
}

const CgroupMount* find_controller(const std::vector<CgroupMount>& mounts, std::string_view name) {
  for (const CgroupMount& mount : mounts) {
    const bool there = mount.v2 ? has_word(read_text(mount.path + "/cgroup.controllers"), name)
                                : has_word(mount.options, name);
    if (there) {
      return &mount;
    }
  }
  return nullptr;
}

std::string layout_of(const std::vector<CgroupMount>& mounts) {
  const bool v1 = std::ranges::any_of(mounts, [](const CgroupMount& m) { return !m.v2; });
  const auto v2 = std::ranges::find(mounts, true, &CgroupMount::v2);
  if (v2 == mounts.end()) {
    return v1 ? "v1" : "none";
  }
  return v1 ? "hybrid (v1, and v2 at " + v2->path + ")" : "v2";
}

void check_layout(Findings& out, const std::vector<CgroupMount>& mounts) {
  out.push_back({mounts.empty() ? Health::kFail : Health::kOk, "cgroups", layout_of(mounts),
                 mounts.empty() ? "mount cgroup2 on /sys/fs/cgroup" : ""});
  std::string missing;
  for (const std::string_view name : kControllers) {
    if (!mounts.empty() && find_controller(mounts, name) == nullptr) {
      missing.append(missing.empty() ? "" : ", ").append(name);
    }
  }
  if (!missing.empty()) {
    out.push_back(
        {Health::kWarn, "cgroup controllers", "missing: " + missing,
         "enable them in cgroup.subtree_control of the root, or in the kernel: these limits "
         "of a run are refused"});
  }
}

Status enter_by_clone(int group) {
  const linux::Child child = RECAP_TRY(linux::fork(0, group));
  if (child.pid == 0) {
    linux::exit_now(0);
  }
  while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

Status make_and_remove(const std::string& path, bool enter) {
  const std::string group = path + "/recap-doctor-" + std::to_string(linux::own_pid());
  RECAP_TRY(linux::make_dir_at(linux::kCwd, group.c_str(), 0755));
  Status entered;
  if (enter) {
    const auto dir = linux::open_dir_at(linux::kCwd, group.c_str());
    entered = dir ? enter_by_clone(dir->get()) : Status(dir.error());
  }
  const Status removed = linux::remove_dir_at(linux::kCwd, group.c_str());
  return entered ? removed : entered;
}

void check_groups(Findings& out, const std::vector<CgroupMount>& mounts) {
  for (const CgroupMount& mount : mounts) {
    const bool used = mount.v2 || std::ranges::any_of(kControllers, [&](std::string_view name) {
                        return has_word(mount.options, name);
                      });
    const Status made = used ? make_and_remove(mount.path, mount.v2) : Status{};
    if (!made) {
      out.push_back({Health::kFail, "a run's cgroup", std::string(made.error().message()),
                     "mount " + mount.path + " writable where recap runs"});
      return;
    }
  }
  const bool v2 = std::ranges::any_of(mounts, &CgroupMount::v2);
  out.push_back({Health::kOk, "a run's cgroup",
                 v2 ? "can be made, and entered by clone (CLONE_INTO_CGROUP)" : "can be made", ""});
}

void check_favordynmods(Findings& out, const std::vector<CgroupMount>& mounts) {
  for (const CgroupMount& mount : mounts) {
    if (has_word(mount.options, "favordynmods")) {
      out.push_back(
          {Health::kWarn, "favordynmods", "set on " + mount.path,
           "every fork and exit on this host pays for it; RECap does not need it, and only "
           "a reboot takes it back"});
      return;
    }
  }
}

}  // namespace

std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  while (!mountinfo.empty()) {
    std::string_view line = linux::next_line(mountinfo);
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) {
      continue;
    }
    std::string_view rest = line.substr(dash + 3);
    const std::string_view type = linux::next_word(rest);
    if (type != "cgroup" && type != "cgroup2") {
      continue;
    }
    linux::next_word(rest);  // the source
    for (int field = 0; field < 4; ++field) {
      linux::next_word(line);
    }
    const std::string_view path = linux::next_word(line);
    mounts.push_back({std::string(path), std::string(linux::next_word(rest)), type == "cgroup2"});
  }
  return mounts;
}

void check_cgroups(Findings& out) {
  const std::vector<CgroupMount> mounts = cgroup_mounts(read_text("/proc/self/mountinfo"));
  check_layout(out, mounts);
  if (!mounts.empty()) {
    check_groups(out, mounts);
    check_favordynmods(out, mounts);
  }
}

}  // namespace recap::cli
