// SPDX-License-Identifier: Apache-2.0
#include "kube/json.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

#include <boost/json/parse.hpp>

namespace recap::kube {

namespace json = boost::json;
using base::Error;
using base::Kind;

namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMaxSeconds = 9'000'000'000;  // nanoseconds in 64 bits say no more

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }

// Digits of `text` from `at`, as a number; nothing unless all `count` are digits.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (at + count > text.size()) {
    return std::nullopt;
  }
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

// ".25Z" as nanoseconds, "Z" as none; nothing when it is neither.
std::optional<std::int64_t> parse_fraction(std::string_view text) {
  if (text == "Z") {
    return 0;
  }
  if (text.size() < 3 || text.size() > 11 || text.front() != '.' || text.back() != 'Z') {
    return std::nullopt;
  }
  const std::size_t count = text.size() - 2;
  const auto value = digits(text, 1, count);
  if (!value) {
    return std::nullopt;
  }
  std::int64_t ns = *value;
  for (std::size_t i = count; i < 9; ++i) {
    ns *= 10;
  }
  return ns;
}

}  // namespace

base::Result<json::object> parse_object(std::string_view text, std::string_view what) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) {
    return Error(Kind::kCorrupt, base::concat<256>(what, " is no JSON object").view());
  }
  return std::move(value.get_object());
}

const json::value* value_at(const json::object& from, Path path) {
  const json::object* object = &from;
  const json::value* value = nullptr;
  for (const std::string_view key : path) {
    value = object == nullptr ? nullptr : object->if_contains(key);
    object = value == nullptr ? nullptr : value->if_object();
  }
  return value;
}

const json::object* object_at(const json::object& from, Path path) {
  const json::value* value = value_at(from, path);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_at(const json::object& from, Path path) {
  const json::value* value = value_at(from, path);
  return value == nullptr ? nullptr : value->if_array();
}

std::string_view text_at(const json::object& from, Path path) {
  const json::value* value = value_at(from, path);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : view_of(*text);
}

std::optional<std::int64_t> number_at(const json::object& from, Path path) {
  const json::value* value = value_at(from, path);
  const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? std::nullopt : std::optional(*number);
}

bool flag_at(const json::object& from, Path path) {
  const json::value* value = value_at(from, path);
  const bool* flag = value == nullptr ? nullptr : value->if_bool();
  return flag != nullptr && *flag;
}

Meta meta_of(const json::object& object) {
  return {.name = std::string(text_at(object, {"metadata", "name"})),
          .ns = std::string(text_at(object, {"metadata", "namespace"})),
          .uid = std::string(text_at(object, {"metadata", "uid"})),
          .resource_version = std::string(text_at(object, {"metadata", "resourceVersion"})),
          .generation = number_at(object, {"metadata", "generation"}).value_or(0)};
}

std::string key_of(const Meta& meta) {
  return meta.ns.empty() ? meta.name : meta.ns + "/" + meta.name;
}

std::string micro_time(std::int64_t unix_ns) {
  const time_t seconds = unix_ns / kSecond;
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(unix_ns % kSecond / 1000));
  return text;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '0' && text[i] != kShape[i]) {
      return std::nullopt;
    }
  }
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  const auto fraction = parse_fraction(text.substr(kShape.size()));
  if (!year || !month || !day || !hour || !minute || !second || !fraction) {
    return std::nullopt;
  }
  tm utc{};
  utc.tm_year = *year - 1900;
  utc.tm_mon = *month - 1;
  utc.tm_mday = *day;
  utc.tm_hour = *hour;
  utc.tm_min = *minute;
  utc.tm_sec = *second;
  const std::int64_t seconds = std::clamp<std::int64_t>(timegm(&utc), -kMaxSeconds, kMaxSeconds);
  return seconds * kSecond + *fraction;
}

}  // namespace recap::kube
