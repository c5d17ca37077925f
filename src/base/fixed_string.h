// SPDX-License-Identifier: Apache-2.0
// A string of bounded length that lives where it is declared.
//
// The keeper has no heap, and code between clone and exec must not use one, so names, paths and
// messages that are put together at run time are built in these. Whatever does not fit is cut and
// `truncated()` says so; callers that build paths must check it.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace recap::base {

template <std::size_t Capacity>
class FixedString {
 public:
  constexpr FixedString() { data_[0] = '\0'; }
  constexpr FixedString(std::string_view text) : FixedString() {
    append(text);
  }  // NOLINT: a string is a string
  constexpr FixedString(const char* text) : FixedString(std::string_view(text)) {}  // NOLINT

  // Appends as much of `text` as fits.
  constexpr FixedString& append(std::string_view text) {
    const std::size_t n = std::min(text.size(), Capacity - size_);
    for (std::size_t i = 0; i < n; ++i) {
      data_[size_ + i] = text[i];
    }
    size_ += n;
    data_[size_] = '\0';
    truncated_ = truncated_ || n < text.size();
    return *this;
  }

  constexpr FixedString& append(char c) { return append(std::string_view(&c, 1)); }

  // Appends `value` in decimal.
  template <std::integral Int>
    requires(!std::same_as<Int, char> && !std::same_as<Int, bool>)
  constexpr FixedString& append(Int value) {
    std::array<char, 24> digits{};
    std::size_t at = digits.size();
    const bool negative = value < 0;
    auto rest = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(value)
                         : static_cast<std::uint64_t>(value);
    do {
      digits[--at] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (negative) {
      digits[--at] = '-';
    }
    return append(std::string_view(&digits[at], digits.size() - at));
  }

  constexpr void clear() {
    size_ = 0;
    data_[0] = '\0';
    truncated_ = false;
  }

  [[nodiscard]] constexpr std::string_view view() const { return {data_.data(), size_}; }
  [[nodiscard]] constexpr const char* c_str() const { return data_.data(); }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr bool truncated() const { return truncated_; }
  constexpr operator std::string_view() const { return view(); }  // NOLINT: reads as a string

 private:
  std::array<char, Capacity + 1> data_;  // beyond size_ never read, so never cleared
  std::size_t size_ = 0;
  bool truncated_ = false;
};

// Puts the parts together: `concat<64>("pid:", pid)`.
template <std::size_t Capacity, typename... Parts>
[[nodiscard]] constexpr FixedString<Capacity> concat(const Parts&... parts) {
  FixedString<Capacity> out;
  (out.append(parts), ...);
  return out;
}

}  // namespace recap::base
