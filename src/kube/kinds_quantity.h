// SPDX-License-Identifier: Apache-2.0
// Kubernetes' resource quantities: "200m", "0.5", "128Mi", "1G", "1e3".
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace recap::kube {

// In thousandths, rounded up as Kubernetes does. kInvalid for anything that is no quantity, is
// negative, or exceeds 2^53 (a JSON number's exact range).
base::Result<std::uint64_t> parse_quantity_milli(std::string_view text);

// The same as a whole amount, rounded up: bytes, processes.
base::Result<std::uint64_t> parse_quantity(std::string_view text);

}  // namespace recap::kube
