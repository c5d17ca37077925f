// SPDX-License-Identifier: Apache-2.0
// A digest that was checked when it was made: sha256 and nothing else. File names in the store are
// built from its decoded bytes, so no text from outside ever becomes a path.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace recap::image {

class Digest {
 public:
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kHexLength = 2 * kBytes;

  Digest() = default;
  explicit Digest(const std::array<unsigned char, kBytes>& bytes) : bytes_(bytes) {}

  // Exactly `sha256:` and 64 lower-case hex digits; anything else is no digest.
  static std::optional<Digest> parse(std::string_view text);
  // The 64 hex digits alone, as in a file name of the store.
  static std::optional<Digest> parse_hex(std::string_view hex);

  [[nodiscard]] std::string hex() const;
  [[nodiscard]] std::string text() const { return "sha256:" + hex(); }

  auto operator<=>(const Digest&) const = default;

 private:
  std::array<unsigned char, kBytes> bytes_{};
};

// True for a non-empty string of lower-case hex digits.
bool is_hex(std::string_view text);

}  // namespace recap::image
