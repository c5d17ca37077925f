// SPDX-License-Identifier: Apache-2.0
// The target's environment, for --env-from-target. The target writes it, so it is data: bounded,
// and without the variables that would make the function's loader or shell run something.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recap::capsule {

// NAME=VALUE words of /proc/PID/environ. kInvalid when it exceeds 128 KiB.
base::Result<std::vector<std::string>> target_environment(std::uint32_t pid);

// The same from the file's content.
std::vector<std::string> safe_variables(std::string_view environ);

}  // namespace recap::capsule
