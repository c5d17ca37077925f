// SPDX-License-Identifier: Apache-2.0
// Decides which events are written: the arithmetic of kube/events.h, without clock or network.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/events.h"
#include "kube/pace.h"

namespace recap::kube {

// A write to the API: a new event, or (count >= 2) the series on an earlier one of this name.
struct EventWrite {
  std::string ns, name;
  Event event;
  std::int64_t first_ns = 0;  // Unix time
  std::int64_t last_ns = 0;
  int count = 1;
};

class EventFolder {
 public:
  // One more event at `now`; nothing: it was folded or suppressed.
  std::optional<EventWrite> record(const Event& event, Clock::time_point now, std::int64_t unix_ns);

  // Series that are due: those that ended six minutes ago, which are forgotten then, and those
  // that were last written half an hour ago.
  std::vector<EventWrite> due(Clock::time_point now);

  // Nothing will be due unless something is recorded.
  [[nodiscard]] bool idle() const { return known_.empty(); }

  [[nodiscard]] std::uint64_t folded() const { return folded_; }
  [[nodiscard]] std::uint64_t suppressed() const { return suppressed_; }

 private:
  struct Known {
    EventWrite write;
    Clock::time_point seen, written;
    int written_count = 1;
  };
  bool within_budget(const ObjectReference& object, Clock::time_point now);

  std::map<std::string, Known> known_;
  std::map<std::string, TokenBucket> budgets_;
  std::uint64_t folded_ = 0, suppressed_ = 0;
};

}  // namespace recap::kube
