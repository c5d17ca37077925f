// SPDX-License-Identifier: Apache-2.0
// One decoder, strict as Unicode's table 3-7 (no surrogates, nothing overlong, nothing above
// U+10FFFF), and one list of what is not shown as it is.
#include "console/escape.h"

#include <array>

namespace recap::console {
namespace {

struct Range {
  char32_t first, last;
};

// Zero-width, direction-changing, line-breaking and private marks: none of them shows where it
// stands, all of them change how the text around them reads.
constexpr std::array kInvisible = {
    Range{0x0000, 0x001f}, Range{0x007f, 0x009f}, Range{0x00ad, 0x00ad},   Range{0x034f, 0x034f},
    Range{0x061c, 0x061c}, Range{0x115f, 0x1160}, Range{0x17b4, 0x17b5},   Range{0x180b, 0x180f},
    Range{0x200b, 0x200f}, Range{0x2028, 0x202e}, Range{0x2060, 0x206f},   Range{0x3164, 0x3164},
    Range{0xe000, 0xf8ff}, Range{0xfe00, 0xfe0f}, Range{0xfeff, 0xfeff},   Range{0xffa0, 0xffa0},
    Range{0xfff0, 0xfffb}, Range{0xfffe, 0xffff}, Range{0x1d173, 0x1d17a}, Range{0xe0000, 0x10ffff},
};

constexpr std::array kCombining = {
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd},
    Range{0x064b, 0x065f}, Range{0x0900, 0x0902}, Range{0x1ab0, 0x1aff},
    Range{0x1dc0, 0x1dff}, Range{0x20d0, 0x20ff}, Range{0xfe20, 0xfe2f},
};

constexpr std::array kWide = {
    Range{0x1100, 0x115e},   Range{0x2e80, 0x303e},   Range{0x3041, 0x33ff},
    Range{0x3400, 0x4dbf},   Range{0x4e00, 0x9fff},   Range{0xa000, 0xa4cf},
    Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},
    Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f},
    Range{0x1f900, 0x1f9ff}, Range{0x20000, 0x3fffd},
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t c) {
  for (const Range& range : ranges) {
    if (c >= range.first && c <= range.last) {
      return true;
    }
  }
  return false;
}

struct Decoded {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

Decoded invalid() { return {}; }

// The character at the front of `text`, which is not empty.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1, true};
  }
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) {
    return invalid();
  }
  char32_t code = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return invalid();
    }
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
    return invalid();
  }
  return {code, length, true};
}

constexpr std::string_view kHex = "0123456789abcdef";

void append_hex_bytes(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto value = static_cast<unsigned char>(c);
    out += "\\x";
    out += kHex[value >> 4];
    out += kHex[value & 15];
  }
}

std::size_t columns_of(char32_t code) { return in(kCombining, code) ? 0 : in(kWide, code) ? 2 : 1; }

}  // namespace

std::string printable(std::string_view text, std::size_t max_columns) {
  std::string out;
  std::size_t used = 0;
  std::size_t room = 0;  // bytes of `out` that still leave a column for "…"
  while (!text.empty()) {
    const Decoded next = decode(text);
    const std::string_view bytes = text.substr(0, next.bytes);
    const bool shown = next.valid && !in(kInvisible, next.code);
    used += shown ? columns_of(next.code) : 4 * bytes.size();
    if (used > max_columns) {
      out.resize(room);
      return out + "…";
    }
    if (shown) {
      out += bytes;
    } else {
      append_hex_bytes(out, bytes);
    }
    if (used < max_columns) {
      room = out.size();
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = text.find_first_of("\n\t");
    out += printable(text.substr(0, at));
    if (at == std::string_view::npos) {
      break;
    }
    out += text[at];
    text.remove_prefix(at + 1);
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Decoded next = decode(text);
    columns += next.valid ? columns_of(next.code) : 1;
    text.remove_prefix(next.bytes);
  }
  return columns;
}

}  // namespace recap::console
