// SPDX-License-Identifier: Apache-2.0
#include "caplet/target_cgroup.h"

#include <fcntl.h>

#include <array>

#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;

// Read while the target is held by its pidfd, so it is this target's.
Result<std::string> cgroups_text(const targets::Target& target, const targets::Roots& roots) {
  const targets::Pinned pinned = RECAP_TRY(targets::pin(target, roots));
  std::array<char, 16384> buffer;
  const auto path = base::concat<64>(roots.proc, "/", target.pid, "/cgroup");
  std::string text(RECAP_TRY(linux::read_file_at(linux::kCwd, path.c_str(), buffer)));
  RECAP_TRY(linux::send_signal(pinned.pidfd.get(), 0));
  return text;
}

bool is_directory(const std::string& path) {
  return linux::open_at(linux::kCwd, path.c_str(), O_PATH | O_DIRECTORY).has_value();
}

}  // namespace

std::string path_in(std::string_view cgroups, std::string_view controller) {
  while (!cgroups.empty()) {
    std::string_view line = linux::next_line(cgroups);
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
      continue;
    }
    std::string_view names = line.substr(first + 1, second - first - 1);
    for (bool more = true; more;) {
      const std::size_t comma = names.find(',');
      if (names.substr(0, comma) == controller) {
        return std::string(line.substr(second + 1));
      }
      more = comma != std::string_view::npos;
      names.remove_prefix(more ? comma + 1 : names.size());
    }
  }
  return "";
}

Result<TargetCgroup> cgroup_of(const targets::Target& target, const targets::Roots& roots,
                               std::string_view controller) {
  const std::string text = RECAP_TRY(cgroups_text(target, roots));
  if (const std::string path = path_in(text, controller); !path.empty()) {
    return TargetCgroup{roots.cgroup + "/" + std::string(controller) + path, false};
  }
  const std::string unified = roots.cgroup + path_in(text, "");
  if (is_directory(unified)) {
    return TargetCgroup{unified, true};
  }
  return Error(Kind::kUnsupported, base::concat<200>("this node has no cgroup controller ",
                                                     controller, " for the target"));
}

Result<std::string> unified_cgroup_of(const targets::Target& target, const targets::Roots& roots) {
  const std::string text = RECAP_TRY(cgroups_text(target, roots));
  const std::string path = path_in(text, "");
  for (const char* mount : {"", "/unified"}) {
    std::string unified = roots.cgroup + mount + path;
    if (!path.empty() && path != "/" && is_directory(unified)) {
      return unified;
    }
  }
  return Error(Kind::kUnsupported, "the target has no cgroup of version 2 of its own");
}

}  // namespace recap::caplet
