// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include <algorithm>

namespace recap::image {

namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

std::optional<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  return parse_hex(text.substr(kPrefix.size()));
}

std::optional<Digest> Digest::parse_hex(std::string_view hex) {
  if (hex.size() != kHexLength || !is_hex(hex)) {
    return std::nullopt;
  }
  std::array<unsigned char, kBytes> bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    const auto high = kDigits.find(hex[2 * i]);
    const auto low = kDigits.find(hex[2 * i + 1]);
    bytes[i] = static_cast<unsigned char>(high << 4U | low);
  }
  return Digest(bytes);
}

std::string Digest::hex() const {
  std::string out;
  out.reserve(kHexLength);
  for (const unsigned char byte : bytes_) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

}  // namespace recap::image
