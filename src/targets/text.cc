// SPDX-License-Identifier: Apache-2.0
// See text.h.
#include "targets/text.h"

#include <algorithm>
#include <limits>

namespace recap::targets {
namespace {

constexpr std::size_t kMaxShown = 80;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_printable_char(char c) { return c >= 0x20 && c <= 0x7e; }

}  // namespace

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (out.size() > kMaxShown) {
      out += "...";
      break;
    }
    if (is_printable_char(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string shown(std::string_view text) {
  std::string out(1, '\'');
  out.append(escaped(text)).push_back('\'');
  return out;
}

bool is_printable(std::string_view text) { return std::ranges::all_of(text, is_printable_char); }

bool is_engine_name(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_alnum(c) || c == '_' || c == '.' || c == '-';
  });
}

bool is_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.size() < 256 &&
         text.find('/') == text.npos && text.find('\0') == text.npos;
}

bool is_hex64(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
      return std::nullopt;
    }
    value = value * 10 + digit;
  }
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) {
      parts.push_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace recap::targets
