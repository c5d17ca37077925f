// SPDX-License-Identifier: Apache-2.0
// Variables of the target's environment, for --env-from-target. The target writes them, so they are
// data: taken by name only, bounded, and never one that tells a loader, a shell or an interpreter
// what to run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recap::capsule {

// kDenied for a name that may decide what code runs, kInvalid for one that is no variable's.
base::Status check_target_variable(std::string_view name);

// NAME=VALUE for each of `names` in /proc/PID/environ. kInvalid when that exceeds 128 KiB, kTimeout
// when it cannot be read within 2 s: its pages are the target's own memory, which may be that of a
// file system that does not answer.
base::Result<std::vector<std::string>> target_environment(std::uint32_t pid,
                                                          std::span<const std::string> names);

// A file of which even opening may take for ever, as far as it fits: kTimeout after `timeout_ms`.
base::Result<std::size_t> read_file_within(const char* path, std::span<std::byte> buffer,
                                           std::uint64_t timeout_ms);

// What target_environment() makes of the file's content.
std::vector<std::string> chosen_variables(std::string_view environ,
                                          std::span<const std::string> names);

}  // namespace recap::capsule
