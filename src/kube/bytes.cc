// SPDX-License-Identifier: Apache-2.0
#include "kube/bytes.h"

#include <fcntl.h>

#include <cstdint>
#include <span>

#include "linux/fs.h"

namespace recap::kube {

using base::Error;
using base::Kind;
using base::Result;

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += at + i <= bytes.size() ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t group = 0;
  int bits = 0;
  std::size_t symbols = 0, padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') {
      continue;
    }
    ++symbols;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding > 0) {
      return std::nullopt;
    }
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFF;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(group >> bits & 0xFF);
    }
  }
  if (symbols % 4 != 0 || padding > 2) {
    return std::nullopt;
  }
  return out;
}

Result<std::string> read_small_file(const std::string& path) {
  linux::UniqueFd fd = RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_RDONLY));
  std::string text;
  std::string piece(16384, '\0');
  while (text.size() <= kMaxFile) {
    const std::size_t size =
        RECAP_TRY(linux::read_some(fd.get(), std::as_writable_bytes(std::span(piece))));
    if (size == 0) {
      return text;
    }
    text.append(piece, 0, size);
  }
  return Error(Kind::kInvalid, base::concat<300>(path, " is larger than 1 MiB").view());
}

}  // namespace recap::kube
