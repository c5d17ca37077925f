// SPDX-License-Identifier: Apache-2.0
// A schedule as CronJob reads it: five fields (minute, hour, day of month, month, day of week) with
// lists, ranges, steps and names, or @yearly, @annually, @monthly, @weekly, @daily, @midnight,
// @hourly, "@every 1h30m"; in a time zone.
//
// A minute is scheduled when the clock on the wall of that time zone shows it. So a time that a
// change to summer time leaves out does not come that day, and one that the change back repeats
// comes twice, as with CronJob.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace date {
class time_zone;  // NOLINT: their name
}

namespace recap::caplet {

class CronSchedule {
 public:
  // kInvalid names the field that is wrong, or the time zone that the node does not know. An empty
  // `zone` is the node's own.
  static base::Result<CronSchedule> parse(std::string_view text, const std::string& zone);

  // The first scheduled instant after `after`; none within five years: nullopt (February 30).
  [[nodiscard]] std::optional<std::chrono::sys_seconds> next_after(
      std::chrono::sys_seconds after) const;

  // The first scheduled instant after `now`, of those that follow `start`: where "@every" counts
  // from.
  [[nodiscard]] std::optional<std::chrono::sys_seconds> upcoming(
      std::chrono::sys_seconds start, std::chrono::sys_seconds now) const;

  // The last scheduled instant that is not after `until` but after `after`; nullopt: none.
  [[nodiscard]] std::optional<std::chrono::sys_seconds> last_until(
      std::chrono::sys_seconds after, std::chrono::sys_seconds until) const;

 private:
  struct Field {
    std::uint64_t bits = 0;  // 1 << value
    bool star = false;
    [[nodiscard]] bool has(unsigned value) const { return (bits >> value & 1) != 0; }
  };
  struct Range;  // what a field may hold
  static base::Result<Field> parse_field(std::string_view text, const Range& range);
  [[nodiscard]] bool matches_day(unsigned day_of_month, unsigned day_of_week) const;

  Field minute_, hour_, day_, month_, weekday_;
  std::optional<std::chrono::seconds> every_;
  const date::time_zone* zone_ = nullptr;
};

}  // namespace recap::caplet
