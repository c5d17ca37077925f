// SPDX-License-Identifier: Apache-2.0
#include "caplet/time.h"

#include <time.h>

namespace recap::caplet {

BootClock::time_point BootClock::now() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return time_point(milliseconds(std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000));
}

Now Now::read() {
  return {std::chrono::floor<milliseconds>(std::chrono::system_clock::now()), BootClock::now()};
}

}  // namespace recap::caplet
