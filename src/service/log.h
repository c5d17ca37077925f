// SPDX-License-Identifier: Apache-2.0
// A daemon's log: one JSON object a line on standard output, with the time, a level, one sentence
// that is always the same for the same thing, and fields. What concerns a run has the field "run".
// What happens a thousand times is counted (metrics.h), not logged.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace recap::service {

class LogField {
 public:
  LogField(std::string_view name, std::string_view text) : name_(name), value_(std::string(text)) {}
  LogField(std::string_view name, const char* text) : LogField(name, std::string_view(text)) {}
  template <typename Int>
    requires std::is_integral_v<Int>
  LogField(std::string_view name, Int number)
      : name_(name), value_(static_cast<std::int64_t>(number)) {}

  void append_to(std::string& line) const;

 private:
  std::string_view name_;
  std::variant<std::string, std::int64_t> value_;
};
using LogFields = std::initializer_list<LogField>;

void log_info(std::string_view what, LogFields fields = {});
void log_warning(std::string_view what, LogFields fields = {});
void log_error(std::string_view what, LogFields fields = {});

// The line as it is written, without its time.
std::string log_line(std::string_view level, std::string_view what, LogFields fields);

}  // namespace recap::service
