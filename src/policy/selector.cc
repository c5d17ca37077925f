// SPDX-License-Identifier: Apache-2.0
#include "policy/selector.h"

#include <algorithm>

namespace recap::policy {

bool LabelSelector::matches(const Labels& labels) const {
  return std::ranges::all_of(requirements, [&](const LabelRequirement& requirement) {
    using Operator = LabelRequirement::Operator;
    const auto label = labels.find(requirement.key);
    const bool has = label != labels.end();
    const auto is_listed = [&] {
      return std::ranges::find(requirement.values, label->second) != requirement.values.end();
    };
    switch (requirement.op) {
      case Operator::kIn:
        return has && is_listed();
      case Operator::kNotIn:  // also without the label, as Kubernetes has it
        return !has || !is_listed();
      case Operator::kExists:
        return has;
      case Operator::kDoesNotExist:
        return !has;
    }
    return false;
  });
}

}  // namespace recap::policy
