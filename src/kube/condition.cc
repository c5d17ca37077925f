// SPDX-License-Identifier: Apache-2.0
#include "kube/condition.h"

#include <time.h>

#include "linux/process.h"

namespace recap::kube {

std::string api_time(std::int64_t unix_s) {
  const time_t seconds = unix_s;
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  return {text, ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

boost::json::object condition(std::string_view type, bool holds, std::string_view reason,
                              std::string_view message, std::int64_t generation) {
  return {{"type", type},
          {"status", holds ? "True" : "False"},
          {"observedGeneration", generation},
          {"lastTransitionTime", api_time(linux::wall_clock_s())},
          {"reason", reason},
          {"message", message}};
}

}  // namespace recap::kube
