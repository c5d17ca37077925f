// SPDX-License-Identifier: Apache-2.0
#include "service/log.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "capsule/json.h"
#include "linux/fs.h"

namespace recap::service {
namespace {

std::string time_text() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + size, sizeof text - size, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

void write_line(std::string_view level, std::string_view what, LogFields fields) {
  const std::string rest = log_line(level, what, fields);
  // A log that nobody takes is no reason to stop.
  (void)linux::write_text(STDOUT_FILENO,
                          "{\"ts\":\"" + time_text() + "\"," + rest.substr(1) + "\n");
}

}  // namespace

void LogField::append_to(std::string& line) const {
  line += "," + capsule::json_quoted(name_) + ":";
  if (const auto* number = std::get_if<std::int64_t>(&value_)) {
    line += std::to_string(*number);
  } else {
    line += capsule::json_quoted(std::get<std::string>(value_));
  }
}

std::string log_line(std::string_view level, std::string_view what, LogFields fields) {
  std::string line =
      "{\"level\":" + capsule::json_quoted(level) + ",\"msg\":" + capsule::json_quoted(what);
  for (const LogField& field : fields) {
    field.append_to(line);
  }
  return line + "}";
}

void log_info(std::string_view what, LogFields fields) { write_line("info", what, fields); }
void log_warning(std::string_view what, LogFields fields) { write_line("warning", what, fields); }
void log_error(std::string_view what, LogFields fields) { write_line("error", what, fields); }

}  // namespace recap::service
