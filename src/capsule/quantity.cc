// SPDX-License-Identifier: Apache-2.0
// Units are Kubernetes' for sizes and CPUs, and Go's for durations: what operators already type.
#include "capsule/quantity.h"

#include <charconv>
#include <limits>

namespace recap::capsule {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr Unit kSizes[] = {
    {"Ki", 1ULL << 10}, {"Mi", 1ULL << 20}, {"Gi", 1ULL << 30}, {"Ti", 1ULL << 40},   {"k", 1000},
    {"K", 1000},        {"M", 1000000},     {"G", 1000000000},  {"T", 1000000000000}, {"", 1}};
constexpr Unit kDurations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

base::Error not_a(std::string_view what, std::string_view text, std::string_view example) {
  return {base::Kind::kInvalid, base::concat<300>("'", text.substr(0, 64), "' is not ", what,
                                                  ": write it like ", example)};
}

// Takes digits off the front; false when there are none or they do not fit.
bool take_number(std::string_view& text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || text.empty() || text[0] < '0' || text[0] > '9') {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool scale(std::uint64_t& value, std::uint64_t factor) {
  return !__builtin_mul_overflow(value, factor, &value);
}

}  // namespace

base::Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t value = 0;
  if (take_number(rest, value)) {
    for (const Unit& unit : kSizes) {
      if (rest == unit.name && scale(value, unit.factor) &&
          value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return value;
      }
    }
  }
  return not_a("a size", text, "64Mi or 1Gi");
}

base::Result<std::uint64_t> parse_duration_ms(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t total = 0;
  do {
    std::uint64_t value = 0;
    if (!take_number(rest, value)) {
      return not_a("a duration", text, "30s or 1m30s");
    }
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789"));
    const Unit* found = nullptr;
    for (const Unit& unit : kDurations) {
      found = name == unit.name ? &unit : found;
    }
    if (found == nullptr || !scale(value, found->factor) ||
        __builtin_add_overflow(total, value, &total) || total > 10ULL * 365 * 24 * 3600000) {
      return not_a("a duration", text, "30s or 1m30s");
    }
    rest.remove_prefix(name.size());
  } while (!rest.empty());
  return total;
}

base::Result<std::uint32_t> parse_cpu_millis(std::string_view text) {
  const base::Error wrong = not_a("a number of CPUs", text, "0.5 or 250m");
  std::string_view rest = text;
  std::uint64_t whole = 0;
  if (!take_number(rest, whole) || whole > 100000) {
    return wrong;
  }
  std::uint64_t millis = whole * 1000;
  if (rest == "m") {
    millis = whole;
  } else if (rest.starts_with('.') && rest.size() >= 2 && rest.size() <= 4) {
    std::uint64_t unit = 100;
    for (const char digit : rest.substr(1)) {
      if (digit < '0' || digit > '9') {
        return wrong;
      }
      millis += static_cast<std::uint64_t>(digit - '0') * unit;
      unit /= 10;
    }
  } else if (!rest.empty()) {
    return wrong;
  }
  if (millis < 10) {  // the kernel's quota has a floor of 1 ms in 100 ms
    return wrong;
  }
  return static_cast<std::uint32_t>(millis);
}

base::Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t max) {
  std::string_view rest = text;
  std::uint64_t value = 0;
  if (!take_number(rest, value) || !rest.empty() || value > max ||
      (text.size() > 1 && text[0] == '0')) {
    return base::Error(
        base::Kind::kInvalid,
        base::concat<300>("'", text.substr(0, 64), "' is not a whole number from 0 to ", max));
  }
  return value;
}

std::string size_text(std::uint64_t bytes) {
  std::string_view unit;
  for (const std::string_view bigger : {"Ki", "Mi", "Gi"}) {
    if (bytes == 0 || bytes % 1024 != 0) {
      break;
    }
    bytes /= 1024;
    unit = bigger;
  }
  return std::string(base::concat<32>(bytes, unit).view());
}

std::string duration_text(std::uint64_t milliseconds) {
  base::FixedString<64> text;
  for (const Unit& unit : {kDurations[3], kDurations[2], kDurations[1], kDurations[0]}) {
    if (const std::uint64_t n = milliseconds / unit.factor; n != 0) {
      text.append(n).append(unit.name);
    }
    milliseconds %= unit.factor;
  }
  return text.empty() ? "0s" : std::string(text.view());
}

}  // namespace recap::capsule
