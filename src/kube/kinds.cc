// SPDX-License-Identifier: Apache-2.0
#include "kube/kinds.h"

#include <algorithm>

namespace recap::kube {

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

const char* name_of(EventType type) {
  switch (type) {
    case EventType::kContainerStarted:
      return "ContainerStarted";
    case EventType::kContainerRestarted:
      return "ContainerRestarted";
    case EventType::kMemoryPressure:
      return "MemoryPressure";
    case EventType::kCpuPressure:
      return "CPUPressure";
    case EventType::kFileChanged:
      return "FileChanged";
    case EventType::kPodNotReady:
      return "PodNotReady";
    case EventType::kWebhook:
      return "Webhook";
  }
  return "Unknown";
}

const char* name_of(ExecutionType type) {
  switch (type) {
    case ExecutionType::kOnDemand:
      return "OnDemand";
    case ExecutionType::kPeriodic:
      return "Periodic";
    case ExecutionType::kEvent:
      return "Event";
    case ExecutionType::kContinuous:
      return "Continuous";
  }
  return "Unknown";
}

}  // namespace recap::kube
