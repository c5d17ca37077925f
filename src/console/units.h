// SPDX-License-Identifier: Apache-2.0
// Signals and ages as people write and read them; sizes and durations are capsule/quantity.h's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::console {

// "TERM", "SIGTERM", "15".
base::Result<std::int32_t> parse_signal(std::string_view text);

// "7s", "3m", "5h", "12d": one unit, cut down, as kubectl shows ages.
std::string age_text(std::int64_t seconds);

}  // namespace recap::console
