// SPDX-License-Identifier: Apache-2.0
#include "kube/kinds.h"

#include <algorithm>

namespace recap::kube {

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
