// SPDX-License-Identifier: Apache-2.0
#include "caplet/cron.h"

#include <sstream>

#include <date/date.h>
#include <gtest/gtest.h>

namespace recap::caplet {
namespace {

using std::chrono::sys_seconds;

sys_seconds at(const std::string& text) {
  std::istringstream in(text);
  date::sys_seconds time;
  in >> date::parse("%F %T", time);
  EXPECT_FALSE(in.fail()) << text;
  return time;
}

std::string text_of(std::optional<sys_seconds> time) {
  return time ? date::format("%F %T", *time) : "never";
}

// The first `count` times after `start` (UTC), as one text.
std::string times(const std::string& schedule, const std::string& zone, const std::string& start,
                  int count = 1) {
  const auto parsed = CronSchedule::parse(schedule, zone);
  if (!parsed) {
    return std::string(parsed.error().message());
  }
  std::string text;
  std::optional<sys_seconds> time = at(start);
  for (int i = 0; i < count && time; ++i) {
    time = parsed->next_after(*time);
    text += (i == 0 ? "" : ", ") + text_of(time);
  }
  return text;
}

TEST(Cron, FindsTheNextTime) {
  struct Case {
    const char *schedule, *after, *next;
  };
  const Case cases[] = {
      {"* * * * *", "2026-11-24 18:00:00", "2026-11-24 18:01:00"},
      {"* * * * *", "2026-11-24 18:00:59", "2026-11-24 18:01:00"},
      {"*/15 * * * *", "2026-11-24 18:15:00", "2026-11-24 18:30:00"},
      {"0 * * * *", "2026-11-24 18:59:59", "2026-11-24 19:00:00"},
      {"30 3 * * *", "2026-11-24 18:00:00", "2026-11-25 03:30:00"},
      {"0 0 1 1 *", "2026-11-24 18:00:00", "2027-01-01 00:00:00"},
      {"0 0 29 2 *", "2026-11-24 18:00:00", "2028-02-29 00:00:00"},
      {"0 0 * * 0", "2026-11-24 18:00:00", "2026-11-29 00:00:00"},  // a Sunday
      {"0 0 * * MON-FRI", "2026-11-27 00:00:00", "2026-11-30 00:00:00"},
      {"0 9 13 * FRI", "2026-11-24 18:00:00", "2026-11-27 09:00:00"},  // the 13th, or a Friday
      {"0 9 13 * *", "2026-11-24 18:00:00", "2026-12-13 09:00:00"},
      {"0 9 ? * FRI", "2026-11-24 18:00:00", "2026-11-27 09:00:00"},
      {"0 9 */2 * FRI", "2026-11-24 10:00:00", "2026-11-25 09:00:00"},  // a step is no star
      {"5,10,50-52 4 * Dec,jan *", "2026-11-24 18:00:00", "2026-12-01 04:05:00"},
      {"10-30/10 4 * * *", "2026-11-24 04:10:00", "2026-11-24 04:20:00"},
      {"40/5 4 * * *", "2026-11-24 04:40:00", "2026-11-24 04:45:00"},
      {"@hourly", "2026-11-24 18:30:00", "2026-11-24 19:00:00"},
      {"@daily", "2026-11-24 18:30:00", "2026-11-25 00:00:00"},
      {"@midnight", "2026-11-24 18:30:00", "2026-11-25 00:00:00"},
      {"@weekly", "2026-11-24 18:30:00", "2026-11-29 00:00:00"},
      {"@monthly", "2026-11-24 18:30:00", "2026-12-01 00:00:00"},
      {"@yearly", "2026-11-24 18:30:00", "2027-01-01 00:00:00"},
      {"@annually", "2026-11-24 18:30:00", "2027-01-01 00:00:00"},
      {"@every 1h30m", "2026-11-24 18:00:10", "2026-11-24 19:30:10"},
      {"0 0 31 2 *", "2026-11-24 18:00:00", "never"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(times(each.schedule, "Etc/UTC", each.after), each.next) << each.schedule;
  }
}

TEST(Cron, TimesAreThoseOfTheZone) {
  EXPECT_EQ(times("0 3 * * *", "Europe/Zurich", "2026-11-24 18:00:00"), "2026-11-25 02:00:00");
  EXPECT_EQ(times("0 3 * * *", "Europe/Zurich", "2026-07-01 18:00:00"), "2026-07-02 01:00:00");
  EXPECT_EQ(times("30 9 * * *", "Asia/Kolkata", "2026-11-24 18:00:00"), "2026-11-25 04:00:00");
  EXPECT_EQ(times("0 0 * * *", "Asia/Kathmandu", "2026-11-24 18:00:00"), "2026-11-24 18:15:00");
  EXPECT_EQ(times("0 0 1 * *", "Pacific/Kiritimati", "2026-11-24 18:00:00"), "2026-11-30 10:00:00");
}

// Zurich, 2026-03-29: 02:00 CET is followed by 03:00 CEST, which is 01:00 UTC.
TEST(Cron, WhatAGapLeavesOutDoesNotCome) {
  EXPECT_EQ(times("30 2 * * *", "Europe/Zurich", "2026-03-28 00:00:00", 3),
            "2026-03-28 01:30:00, 2026-03-30 00:30:00, 2026-03-31 00:30:00");
  EXPECT_EQ(times("0 * * * *", "Europe/Zurich", "2026-03-28 23:30:00", 3),
            "2026-03-29 00:00:00, 2026-03-29 01:00:00, 2026-03-29 02:00:00");
  EXPECT_EQ(times("*/30 1-3 * * *", "Europe/Zurich", "2026-03-29 00:00:00", 3),
            "2026-03-29 00:30:00, 2026-03-29 01:00:00, 2026-03-29 01:30:00");
}

// Zurich, 2026-10-25: 03:00 CEST (01:00 UTC) is followed by 02:00 CET.
TEST(Cron, WhatIsRepeatedComesTwice) {
  EXPECT_EQ(times("30 2 * * *", "Europe/Zurich", "2026-10-24 12:00:00", 3),
            "2026-10-25 00:30:00, 2026-10-25 01:30:00, 2026-10-26 01:30:00");
  EXPECT_EQ(times("0 * * * *", "Europe/Zurich", "2026-10-24 23:30:00", 4),
            "2026-10-25 00:00:00, 2026-10-25 01:00:00, 2026-10-25 02:00:00, 2026-10-25 03:00:00");
}

// Half an hour in Lord Howe; a midnight that does not exist in Beirut (2024-03-31).
TEST(Cron, OddChangesOfTheClock) {
  EXPECT_EQ(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-02 18:00:00", 2),
            "2026-10-04 15:15:00, 2026-10-05 15:15:00");
  EXPECT_EQ(times("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00:00", 2),
            "2026-04-04 14:45:00, 2026-04-04 15:15:00");
  EXPECT_EQ(times("0 0 * * *", "Asia/Beirut", "2024-03-29 23:00:00", 2),
            "2024-03-31 21:00:00, 2024-04-01 21:00:00");
}

TEST(Cron, RefusesWhatCronJobRefuses) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "five fields"},
      {"* * * *", "five fields"},
      {"* * * * * *", "without seconds"},
      {"60 * * * *", "minute '60' of the schedule must lie in 0-59"},
      {"* 24 * * *", "hour"},
      {"* * 0 * *", "day of month"},
      {"* * * 13 *", "month"},
      {"* * * * 7", "day of week"},
      {"5-1 * * * *", "minute"},
      {"*/0 * * * *", "minute"},
      {"a * * * *", "cannot be read"},
      {"1,,2 * * * *", "cannot be read"},
      {"1, * * * *", "cannot be read"},
      {"@fortnightly", "five fields"},
      {"@every 5", "no duration"},
      {"@every 5d", "another unit"},
      {"TZ=UTC * * * * *", "timeZone"},
      {"CRON_TZ=UTC * * * * *", "timeZone"},
      {"-1 * * * *", "cannot be read"}};
  for (const auto& [schedule, why] : wrong) {
    const auto parsed = CronSchedule::parse(schedule, "Etc/UTC");
    ASSERT_FALSE(parsed) << schedule;
    EXPECT_NE(parsed.error().message().find(why), std::string_view::npos)
        << schedule << ": " << parsed.error().message();
  }
  const auto zone = CronSchedule::parse("* * * * *", "Europe/Zuerich");
  ASSERT_FALSE(zone);
  EXPECT_NE(zone.error().message().find("no time zone 'Europe/Zuerich'"), std::string_view::npos);
}

TEST(Cron, FindsTheLastTimeOfALongAbsence) {
  const auto hourly = CronSchedule::parse("5 * * * *", "Etc/UTC");
  ASSERT_TRUE(hourly);
  EXPECT_EQ(text_of(hourly->last_until(at("2020-01-01 00:00:00"), at("2026-11-24 18:00:00"))),
            "2026-11-24 17:05:00");
  EXPECT_EQ(text_of(hourly->last_until(at("2026-11-24 17:05:00"), at("2026-11-24 18:05:00"))),
            "2026-11-24 18:05:00");
  EXPECT_EQ(text_of(hourly->last_until(at("2026-11-24 17:05:00"), at("2026-11-24 18:04:59"))),
            "never");
  const auto every = CronSchedule::parse("@every 7m", "Etc/UTC");
  EXPECT_EQ(text_of(every->last_until(at("2026-11-24 17:00:00"), at("2026-11-24 17:20:00"))),
            "2026-11-24 17:14:00");
}

}  // namespace
}  // namespace recap::caplet
