// SPDX-License-Identifier: Apache-2.0
#include "caplet/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <span>
#include <utility>

#include <date/tz.h>

#include "linux/proc.h"

namespace recap::caplet {

using base::Error;
using base::Kind;
using base::Result;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

struct CronSchedule::Range {
  std::string_view title;
  unsigned first, last;
  std::span<const std::string_view> names;  // of `first` and those that follow
};

namespace {

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"}};
constexpr std::string_view kEvery = "@every ";
constexpr auto kHorizon = days(5 * 366);

Error wrong(std::string_view title, std::string_view text, std::string_view why) {
  return {Kind::kInvalid,
          base::concat<300>("the ", title, " '", text.substr(0, 60), "' of the schedule ", why)};
}

Error no_schedule() {
  return {Kind::kInvalid,
          "a schedule has five fields (minute, hour, day of month, month, day of week), or is "
          "@hourly, @daily, @weekly, @monthly, @yearly or @every 1h"};
}

std::optional<unsigned> number_of(std::string_view text, unsigned first,
                                  std::span<const std::string_view> names) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (const auto name = std::ranges::find(names, lower); name != names.end()) {
    return first + static_cast<unsigned>(name - names.begin());
  }
  unsigned number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && at == text.data() + text.size() && text.size() <= 4;
  return whole ? std::optional(number) : std::nullopt;
}

// Go's durations, as far as a schedule can use them: "1h30m", "90s".
Result<seconds> parse_every(std::string_view text) {
  const std::string_view whole = text;
  seconds sum{0};
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(at - text.data()));
    if (error != std::errc{} || text.empty() || number < 0 || number > 1'000'000) {
      return wrong("period", whole, "is no duration: write it like 1h30m");
    }
    const char unit = text.front();
    text.remove_prefix(1);
    if (unit != 'h' && unit != 'm' && unit != 's') {
      return wrong("period", whole, "has another unit than h, m and s");
    }
    sum += number * (unit == 'h' ? seconds(3600) : unit == 'm' ? seconds(60) : seconds(1));
  }
  return std::max(sum, seconds(1));
}

Result<const date::time_zone*> find_zone(const std::string& name) {
  try {
    return name.empty() ? date::current_zone() : date::locate_zone(name);
  } catch (const std::exception&) {
    return Error(Kind::kInvalid,
                 base::concat<300>("this node knows no time zone '", name.substr(0, 60),
                                   "': use a name like Europe/Zurich, and have tzdata installed"));
  }
}

}  // namespace

Result<CronSchedule::Field> CronSchedule::parse_field(std::string_view text, const Range& range) {
  Field field;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
    const std::size_t slash = part.find('/');
    const std::string_view span = part.substr(0, slash);
    const std::size_t dash = span.find('-');
    const bool star = span == "*" || span == "?";
    const auto first =
        star ? range.first : number_of(span.substr(0, dash), range.first, range.names);
    std::optional<unsigned> last = star ? range.last : first;
    if (dash != std::string_view::npos) {
      last = number_of(span.substr(dash + 1), range.first, range.names);
    } else if (slash != std::string_view::npos) {
      last = range.last;  // "3/5" is "3-59/5"
    }
    const auto step =
        slash == std::string_view::npos ? 1 : number_of(part.substr(slash + 1), 0, {});
    if (!first || !last || !step || *step == 0) {
      return wrong(range.title, part, "cannot be read");
    }
    if (*first < range.first || *last > range.last || *first > *last) {
      return wrong(range.title, part,
                   base::concat<60>("must lie in ", range.first, "-", range.last).view());
    }
    for (unsigned value = *first; value <= *last; value += *step) {
      field.bits |= std::uint64_t{1} << value;
    }
    field.star = field.star || (star && *step == 1);
  }
  return field;
}

Result<CronSchedule> CronSchedule::parse(std::string_view text, const std::string& zone) {
  CronSchedule schedule;
  schedule.zone_ = RECAP_TRY(find_zone(zone));
  if (text.starts_with(kEvery)) {
    schedule.every_ = RECAP_TRY(parse_every(text.substr(kEvery.size())));
    return schedule;
  }
  if (text.find("TZ=") != std::string_view::npos) {
    return Error(Kind::kInvalid, "the schedule must not name a time zone: that is timeZone's job");
  }
  if (const auto* macro = std::ranges::find(kMacros, text, [](auto& m) { return m.first; });
      macro != std::end(kMacros)) {
    text = macro->second;
  }
  if (text.starts_with('@')) {
    return no_schedule();
  }
  const std::pair<Field*, Range> fields[] = {
      {&schedule.minute_, {"minute", 0, 59, {}}},
      {&schedule.hour_, {"hour", 0, 23, {}}},
      {&schedule.day_, {"day of month", 1, 31, {}}},
      {&schedule.month_, {"month", 1, 12, kMonths}},
      {&schedule.weekday_, {"day of week", 0, 6, kWeekdays}}};
  for (const auto& [field, range] : fields) {
    const std::string_view word = linux::next_word(text);
    if (word.empty()) {
      return no_schedule();
    }
    *field = RECAP_TRY(parse_field(word, range));
  }
  if (!linux::next_word(text).empty()) {
    return Error(Kind::kInvalid, "a schedule has five fields, without seconds and without a year");
  }
  return schedule;
}

// With both given, cron's rule is either of them.
bool CronSchedule::matches_day(unsigned day_of_month, unsigned day_of_week) const {
  const bool by_day = day_.has(day_of_month);
  const bool by_weekday = weekday_.has(day_of_week);
  return day_.star || weekday_.star ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<sys_seconds> CronSchedule::next_after(sys_seconds after) const {
  if (every_) {
    return after + *every_;
  }
  const sys_seconds horizon = after + kHorizon;
  sys_seconds at = std::chrono::floor<minutes>(after) + minutes(1);
  while (at < horizon) {
    const date::sys_info info = zone_->get_info(at);
    const auto local = date::local_seconds((at + info.offset).time_since_epoch());
    const auto today = date::floor<date::days>(local);
    const date::year_month_day ymd(today);
    const date::hh_mm_ss clock(local - today);
    date::local_seconds next = local;
    if (!month_.has(static_cast<unsigned>(ymd.month()))) {
      next = date::local_days(date::year_month_day(ymd.year() / ymd.month() / 1) + date::months(1));
    } else if (!matches_day(static_cast<unsigned>(ymd.day()), date::weekday(today).c_encoding())) {
      next = today + date::days(1);
    } else if (!hour_.has(static_cast<unsigned>(clock.hours().count()))) {
      next = today + clock.hours() + hours(1);
    } else if (!minute_.has(static_cast<unsigned>(clock.minutes().count()))) {
      next = today + clock.hours() + clock.minutes() + minutes(1);
    } else {
      return at;
    }
    // No further than the zone keeps its offset: behind that, the same local time is another one.
    at = std::min(at + (next - local), info.end);
  }
  return std::nullopt;
}

std::optional<sys_seconds> CronSchedule::upcoming(sys_seconds start, sys_seconds now) const {
  if (!every_ || now < start) {
    return next_after(std::max(start, now));
  }
  return start + ((now - start) / *every_ + 1) * *every_;
}

std::optional<sys_seconds> CronSchedule::last_until(sys_seconds after, sys_seconds until) const {
  if (every_) {
    const auto times = (until - after) / *every_;
    return times > 0 ? std::optional(after + times * *every_) : std::nullopt;
  }
  // From ever farther back, so that few steps lead from there to `until`.
  for (seconds back = minutes(1);; back *= 4) {
    const sys_seconds from = std::max(after, until - back);
    std::optional<sys_seconds> last;
    for (auto next = next_after(from); next && *next <= until; next = next_after(*next)) {
      last = next;
    }
    if (last || from == after) {
      return last;
    }
  }
}

}  // namespace recap::caplet
