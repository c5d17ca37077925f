// SPDX-License-Identifier: Apache-2.0
// A hash that is the same in every process and every version: jitter, splay and names follow from
// it, and a target must keep its own over a restart, as files must keep their names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace recap::base {

// FNV-1a, with a finish that spreads its low bits.
constexpr std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33);
}

// A file's name for what `key` says: two halves, so that no two keys of a node ever share one.
inline std::string file_name_of(std::string_view key) {
  std::string name;
  for (std::uint64_t half : {stable_hash(key), stable_hash("2\n" + std::string(key))}) {
    for (int i = 0; i < 16; ++i, half >>= 4) {
      name += "0123456789abcdef"[half & 15];
    }
  }
  return name;
}

}  // namespace recap::base
