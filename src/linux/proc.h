// SPDX-License-Identifier: Apache-2.0
// Small facts from procfs, parsed without a heap. /proc is the caller's own, trusted procfs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"

namespace recap::linux {

using base::Result;

// Field 22 of /proc/PID/stat, in clock ticks since boot: with the pid, the name of one process.
Result<std::uint64_t> start_time_of(int pid);

struct Ids {
  std::uint32_t uid = 0, gid = 0;  // effective
  bool settled = true;             // real, saved and file system ids are the same
};
Result<Ids> ids_of(int pid);

Result<char> state_of(int pid);            // 'R', 'S', 'D', 'T', 't', 'Z', …
Result<char> state_of(int proc, int pid);  // the same by another procfs than our own

using BootId = base::FixedString<36>;
Result<BootId> boot_id();

// Decimal digits only, whole text, no sign; kInvalid otherwise.
Result<std::uint64_t> parse_number(std::string_view text);

// The text after "KEY:" and blanks in a file like /proc/PID/status; empty when there is none.
std::string_view status_field(std::string_view status, std::string_view key);

// Cuts the first line, or the first word, off `rest`.
std::string_view next_line(std::string_view& rest);
std::string_view next_word(std::string_view& rest);

}  // namespace recap::linux
