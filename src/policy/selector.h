// SPDX-License-Identifier: Apache-2.0
// Kubernetes' label selectors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace recap::policy {

using Labels = std::map<std::string, std::string>;

struct LabelRequirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Operator op = Operator::kIn;
  std::vector<std::string> values;
};

// matchLabels and matchExpressions as one list; all of them have to hold. Like Kubernetes' own, an
// empty selector matches everything, so who reads one refuses it where that cannot be meant.
struct LabelSelector {
  std::vector<LabelRequirement> requirements;

  [[nodiscard]] bool matches(const Labels& labels) const;
};

}  // namespace recap::policy
