// SPDX-License-Identifier: Apache-2.0
// The two kinds of time that execution policies use. They are never read by the policies
// themselves: whoever calls them says what time it is, so every rule is tested with a made-up one.
#pragma once

#include <chrono>
#include <cstdint>

namespace recap::caplet {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The wall clock, for schedules. It may be stepped.
using Wall = std::chrono::sys_time<milliseconds>;

// Time since the node booted, suspended time included (CLOCK_BOOTTIME), for durations. It is never
// stepped; what is remembered of it means nothing after another boot.
struct BootClock {
  using rep = std::int64_t;
  using period = std::milli;
  using duration = milliseconds;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): a clock's
  static time_point now();
};
using Uptime = BootClock::time_point;

struct Now {
  Wall wall;
  Uptime up;

  static Now read();
};

}  // namespace recap::caplet
