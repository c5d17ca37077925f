// SPDX-License-Identifier: Apache-2.0
// Addresses as people write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fixed_string.h"

namespace recap::engine {

using AddressText = base::FixedString<48>;

// "192.0.2.1", "fd00::1", or "02:42:ac:11:00:02" for what is neither 4 nor 16 bytes long.
AddressText address_text(std::span<const std::byte> address);

base::FixedString<10> hexadecimal(std::uint32_t number);

}  // namespace recap::engine
