// SPDX-License-Identifier: Apache-2.0
// How each declared Capsule fares on this node, summed over its targets here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "caplet/assignment.h"
#include "caplet/declared.h"
#include "caplet/time.h"

namespace recap::caplet {

inline constexpr std::size_t kWorst = 5;

struct CapsuleCounts {
  DeclaredPtr declared;
  std::uint64_t matched = 0, active = 0, succeeded = 0, failed = 0, skipped = 0, suppressed = 0;
  std::optional<Wall> last_scheduled;
  std::vector<std::pair<std::uint64_t, const Assignment*>> worst;  // most failures first
  std::string problem;                                             // why it cannot be carried out

  void add(const Assignment& assignment);
};

}  // namespace recap::caplet
