// SPDX-License-Identifier: Apache-2.0
// One list of fields for both directions: `io` is a Writer, which takes the value, or a Reader,
// which sets it.
#pragma once

#include <concepts>
#include <cstdint>

#include "run/wire.h"

namespace recap::run {

void put(Writer& io, std::integral auto value) { io.number(value); }
template <std::integral T>
void put(Reader& io, T& value) {
  value = io.number<T>();
}
inline void put(Writer& io, bool value) { io.number(static_cast<std::uint8_t>(value)); }
inline void put(Reader& io, bool& value) { value = io.number<std::uint8_t>() != 0; }

// Of an enumeration without gaps whose last value is `last`.
template <typename E>
void put_enum(Writer& io, const E& value, E /*last*/) {
  io.number(static_cast<std::uint8_t>(value));
}
template <typename E>
void put_enum(Reader& io, E& value, E last) {
  const auto raw = io.number<std::uint8_t>();
  if (raw > static_cast<std::uint8_t>(last)) {
    return io.reject();
  }
  value = static_cast<E>(raw);
}

}  // namespace recap::run
