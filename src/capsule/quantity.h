// SPDX-License-Identifier: Apache-2.0
// Amounts as people write them. The whole text must be an amount; nothing is guessed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::capsule {

base::Result<std::uint64_t> parse_size(std::string_view text);         // 4096, 64Mi, 1Gi, 500k, 2M
base::Result<std::uint64_t> parse_duration_ms(std::string_view text);  // 500ms, 2s, 1m30s, 1h
base::Result<std::uint32_t> parse_cpu_millis(std::string_view text);   // 0.5, 2, 250m
// A decimal number in [0, max]: no sign, no blank, no leading zero, no other base.
base::Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t max);

std::string size_text(std::uint64_t bytes);             // 268435456 → "256Mi"
std::string duration_text(std::uint64_t milliseconds);  // 90000 → "1m30s"

}  // namespace recap::capsule
