// SPDX-License-Identifier: Apache-2.0
#include "engine/network_names.h"

#include <array>
#include <cstring>

namespace recap::engine {

namespace {

constexpr std::size_t kGroups = 8;

void append_digits(AddressText& text, std::uint32_t value, int least) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int digit = 7; digit >= 0; --digit) {
    const std::uint32_t rest = value >> (4 * digit);
    if (rest != 0 || digit < least) {
      text.append(kDigits[rest & 15U]);
    }
  }
}

std::uint32_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

struct Run {
  std::size_t first = kGroups, size = 1;
};

// RFC 5952: the longest row of at least two zeroes, and the first of those.
Run longest_zeroes(const std::array<std::uint32_t, kGroups>& groups) {
  Run best;
  for (std::size_t first = 0; first < kGroups; ++first) {
    std::size_t size = 0;
    while (first + size < kGroups && groups[first + size] == 0) {
      ++size;
    }
    if (size > best.size) {
      best = {first, size};
    }
  }
  return best;
}

AddressText ipv6_text(std::span<const std::byte> address) {
  std::array<std::uint32_t, kGroups> groups;
  for (std::size_t i = 0; i < kGroups; ++i) {
    groups[i] = byte_at(address, 2 * i) << 8U | byte_at(address, 2 * i + 1);
  }
  const Run zeroes = longest_zeroes(groups);
  AddressText text;
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (i == zeroes.first) {
      text.append("::");
      i += zeroes.size - 1;
      continue;
    }
    text.append(i == 0 || i == zeroes.first + zeroes.size ? "" : ":");
    append_digits(text, groups[i], 1);
  }
  return text;
}

}  // namespace

AddressText address_text(std::span<const std::byte> address) {
  if (address.size() == 2 * kGroups) {
    return ipv6_text(address);
  }
  AddressText text;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (address.size() == 4) {
      text.append(i == 0 ? "" : ".").append(byte_at(address, i));
    } else {
      text.append(i == 0 ? "" : ":");
      append_digits(text, byte_at(address, i), 2);
    }
  }
  return text;
}

base::FixedString<10> hexadecimal(std::uint32_t number) {
  AddressText text("0x");
  append_digits(text, number, 1);
  return {text.view()};
}

}  // namespace recap::engine
