// SPDX-License-Identifier: Apache-2.0
// A hash that is the same in every process and every version: jitter and splay are derived from it,
// and a target must keep its own over a restart of the Caplet.
#pragma once

#include <cstdint>
#include <string_view>

namespace recap::caplet {

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

}  // namespace recap::caplet
