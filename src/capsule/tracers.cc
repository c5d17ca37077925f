// SPDX-License-Identifier: Apache-2.0
#include "capsule/tracers.h"

#include <fcntl.h>
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::capsule {
namespace {

using linux::kCwd;

// SYS_PTRACE: a stub has the host's rights for a millisecond, in the target's pid namespace.
constexpr std::uint64_t kOfThePrivileged =
    std::uint64_t{1} << CAP_SYS_ADMIN | std::uint64_t{1} << CAP_SYS_PTRACE;

std::string file_of(std::string_view pid, const char* name) {
  return "/proc/" + std::string(pid) + "/" + name;
}

std::string link_of(std::string_view pid, const char* name) {
  std::array<char, 64> buffer;
  const auto text = linux::read_link_at(kCwd, file_of(pid, name).c_str(), buffer);
  return text ? std::string(*text) : std::string();
}

// All that it has, or may take by executing a file.
base::Result<std::uint64_t> capabilities_of(std::string_view pid) {
  std::array<char, 8192> buffer;
  const std::string_view status =
      RECAP_TRY(linux::read_file_at(kCwd, file_of(pid, "status").c_str(), buffer));
  std::uint64_t all = 0;
  for (const char* set : {"CapPrm", "CapBnd"}) {
    std::string_view field = linux::status_field(status, set);
    const std::string_view hex = linux::next_word(field);
    std::uint64_t some = 0;
    std::from_chars(hex.data(), hex.data() + hex.size(), some, 16);
    all |= some;
  }
  return all;
}

// By its cgroup, which is the host's to give. We may see it from a cgroup namespace below.
bool is_of_a_run(std::string_view pid) {
  std::array<char, 8192> buffer;
  const auto text = linux::read_file_at(kCwd, file_of(pid, "cgroup").c_str(), buffer);
  std::string_view rest = text ? *text : std::string_view();
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    line.remove_prefix(std::min(line.find(":/"), line.size()));
    line.remove_prefix(std::min<std::size_t>(line.size(), 1));
    while (line.starts_with("/..")) {
      line.remove_prefix(3);
    }
    if (line.starts_with("/recap/")) {
      return true;
    }
  }
  return false;
}

bool could_trace(std::string_view pid) {
  const auto held = capabilities_of(pid);
  return held && (*held & kOfThePrivileged) != 0 && !is_of_a_run(pid);
}

}  // namespace

base::Result<bool> is_privileged(std::uint32_t pid) {
  const std::string target = std::to_string(pid);
  (void)RECAP_TRY(capabilities_of(target).context("the target is gone"));
  const std::string beside = link_of(target, "ns/pid");
  const std::string users = link_of("self", "ns/user");
  const linux::DirFd proc = RECAP_TRY(linux::open_dir_at(kCwd, "/proc"));
  bool found = false;
  RECAP_TRY(linux::each_entry(proc.get(), [&](const char* name, unsigned char) {
    const std::string_view each(name);
    const bool is_process = each[0] >= '0' && each[0] <= '9';
    found = is_process && link_of(each, "ns/pid") == beside && link_of(each, "ns/user") == users &&
            could_trace(each);
    return !found;
  }));
  return found;
}

}  // namespace recap::capsule
