// SPDX-License-Identifier: Apache-2.0
// FNV-1a: to tell things apart that nobody chose to be alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace recap::engine {

class Hash {
 public:
  Hash& add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) {
      value_ = (value_ ^ static_cast<std::uint8_t>(byte)) * 1099511628211U;
    }
    return *this;
  }
  Hash& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
  Hash& add(std::uint32_t number) { return add(std::as_bytes(std::span(&number, 1))); }

  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 14695981039346656037U;
};

}  // namespace recap::engine
