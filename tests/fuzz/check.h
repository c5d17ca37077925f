// SPDX-License-Identifier: Apache-2.0
// What fuzz targets share: a check that also a release build makes, and their input as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

namespace recap::fuzz {

inline void check(bool good) {
  if (!good) {
    std::abort();
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Whether `part` lies within `whole`, and is a C string as it stands.
inline bool is_c_string_in(std::string_view part, std::span<const std::byte> whole) {
  const auto* begin = reinterpret_cast<const char*>(whole.data());
  return part.empty() ||
         (part.data() >= begin && part.data() + part.size() < begin + whole.size() &&
          part.data()[part.size()] == '\0');
}

}  // namespace recap::fuzz
