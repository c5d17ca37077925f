// SPDX-License-Identifier: Apache-2.0
// SUDO_USER is not asked: the caller could have set it. Names come from /etc/passwd only, because a
// static program cannot load name service modules.
#include "capsule/requester.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/fixed_string.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::capsule {
namespace {

constexpr std::uint32_t kNobodyLoggedIn = 0xffffffff;  // (uid_t)-1: a daemon, a container
constexpr std::size_t kMaxPasswdBytes = std::size_t{256} << 10;

std::uint32_t login_uid() {
  std::array<char, 32> buffer{};
  auto text = linux::read_file_at(linux::kCwd, "/proc/self/loginuid", buffer);
  if (text) {
    auto uid = linux::parse_number(text->substr(0, text->find('\n')));
    if (uid && *uid < kNobodyLoggedIn) {
      return static_cast<std::uint32_t>(*uid);
    }
  }
  return ::getuid();
}

std::string name_of(std::uint32_t uid) {
  std::vector<char> buffer(kMaxPasswdBytes);
  auto text = linux::read_file_at(linux::kCwd, "/etc/passwd", buffer);
  std::string_view rest = text ? *text : std::string_view();
  const auto wanted = base::concat<16>(uid);
  while (!rest.empty()) {
    const std::string_view line = linux::next_line(rest);
    const std::size_t name = line.find(':');
    const std::size_t password = line.find(':', name + 1);
    if (name == 0 || name == std::string_view::npos || password == std::string_view::npos) {
      continue;
    }
    const std::string_view number = line.substr(password + 1);
    if (number.substr(0, number.find(':')) == wanted.view()) {
      return std::string(line.substr(0, name).substr(0, 64));
    }
  }
  return std::string(base::concat<32>("uid:", uid).view());
}

}  // namespace

std::string requester() {
  const std::uint32_t uid = login_uid();
  return uid == 0 ? "root" : name_of(uid);
}

}  // namespace recap::capsule
