// SPDX-License-Identifier: Apache-2.0
#include "linux/proc.h"

#include <array>

#include "linux/fs.h"

namespace recap::linux {

namespace {

using base::Error;
using base::Kind;

using ProcPath = base::FixedString<48>;

ProcPath path_of(int pid, std::string_view file) {
  return base::concat<48>("/proc/", pid, "/", file);
}

// The fields of /proc/PID/stat after the comm, which may hold blanks and parentheses of its own.
Result<std::string_view> stat_after_comm(int dir, const ProcPath& path, std::span<char> buffer) {
  const std::string_view stat = RECAP_TRY(read_file_at(dir, path.c_str(), buffer));
  const std::size_t end = stat.rfind(')');
  if (end == std::string_view::npos || end + 2 > stat.size()) {
    return Error(Kind::kCorrupt, "cannot parse /proc/PID/stat");
  }
  return std::string_view(stat.data() + end + 2, stat.size() - end - 2);
}

// Of "Uid" and "Gid", which list the real, effective, saved and file system's.
Result<std::uint32_t> effective_id(std::string_view status, std::string_view key, bool& settled) {
  std::string_view rest = status_field(status, key);
  const std::string_view real = next_word(rest);
  const std::string_view effective = next_word(rest);
  settled = settled && real == effective && next_word(rest) == real && next_word(rest) == real;
  return static_cast<std::uint32_t>(RECAP_TRY(parse_number(effective)));
}

}  // namespace

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line(rest.data(), end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

std::string_view next_word(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\n')) {
    rest.remove_prefix(1);
  }
  const std::size_t end = std::min(rest.find_first_of(" \t\n"), rest.size());
  const std::string_view word(rest.data(), end);
  rest.remove_prefix(end);
  return word;
}

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || text.size() > 20) {
    return Error(Kind::kInvalid, "not a number");
  }
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (c < '0' || c > '9' || value > (~std::uint64_t{0} - digit) / 10) {
      return Error(Kind::kInvalid, "not a number");
    }
    value = value * 10 + digit;
  }
  return value;
}

std::string_view status_field(std::string_view status, std::string_view key) {
  while (!status.empty()) {
    std::string_view line = next_line(status);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':') {
      line.remove_prefix(key.size() + 1);
      return line;
    }
  }
  return {};
}

Result<std::uint64_t> start_time_of(int pid) {
  std::array<char, 1024> buffer;
  std::string_view rest = RECAP_TRY(stat_after_comm(kCwd, path_of(pid, "stat"), buffer));
  constexpr int kStartTime = 22 - 3;  // stat_after_comm starts at field 3
  for (int i = 0; i < kStartTime; ++i) {
    next_word(rest);
  }
  return parse_number(next_word(rest));
}

namespace {

Result<char> state_in(int dir, const ProcPath& path) {
  std::array<char, 1024> buffer;
  const std::string_view rest = RECAP_TRY(stat_after_comm(dir, path, buffer));
  return rest.empty() ? '?' : rest.front();
}

}  // namespace

Result<char> state_of(int pid) { return state_in(kCwd, path_of(pid, "stat")); }

Result<char> state_of(int proc, int pid) { return state_in(proc, base::concat<48>(pid, "/stat")); }

Result<Ids> ids_of(int pid) {
  std::array<char, 4096> buffer;
  const std::string_view status =
      RECAP_TRY(read_file_at(kCwd, path_of(pid, "status").c_str(), buffer));
  Ids ids;
  ids.uid = RECAP_TRY(effective_id(status, "Uid", ids.settled));
  ids.gid = RECAP_TRY(effective_id(status, "Gid", ids.settled));
  return ids;
}

Result<BootId> boot_id() {
  std::array<char, 64> buffer;
  std::string_view text = RECAP_TRY(read_file_at(kCwd, "/proc/sys/kernel/random/boot_id", buffer));
  return BootId(next_line(text));
}

}  // namespace recap::linux
