// SPDX-License-Identifier: Apache-2.0
// Writes JSON, indented for people. Strings may hold anything that a target could have named:
// control characters are escaped and what is not UTF-8 becomes U+FFFD, so that the result is valid
// and harmless on a terminal.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace recap::capsule {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  template <std::integral Int>
  JsonWriter& number(Int value) {
    return raw(std::to_string(value));
  }
  // Microseconds as milliseconds: 1234 → 1.234.
  JsonWriter& milliseconds(std::uint64_t microseconds);

  // What was written, with a closing line feed.
  [[nodiscard]] std::string take();

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view value);
  void separate();

  std::string out_;
  int depth_ = 0;
  bool first_ = true;  // nothing was written in the innermost bracket yet
  bool after_key_ = false;
};

// `text` as a JSON string, quotes included.
std::string json_quoted(std::string_view text);

}  // namespace recap::capsule
