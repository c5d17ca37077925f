// SPDX-License-Identifier: Apache-2.0
#include "caplet/event_watch.h"

#include <utility>

namespace recap::caplet {

base::Result<EventWatchPtr> watch_for(const kube::EventSource& source, const WatchPlace& place,
                                      OnEvent on_event) {
  switch (source.type) {
    case kube::EventType::kFileChanged:
      return watch_file(source.path, place, std::move(on_event));
    case kube::EventType::kMemoryPressure:
      return source.stall_percent != 0
                 ? watch_stalls("memory", source.stall_percent, place, std::move(on_event))
                 : watch_memory(source.usage_percent, place, std::move(on_event));
    case kube::EventType::kCpuPressure:
      return watch_stalls("cpu", source.stall_percent, place, std::move(on_event));
    case kube::EventType::kContainerStarted:
    case kube::EventType::kContainerRestarted:
    case kube::EventType::kPodNotReady:
    case kube::EventType::kWebhook:
      break;
  }
  return EventWatchPtr();
}

}  // namespace recap::caplet
