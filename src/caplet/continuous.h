// SPDX-License-Identifier: Apache-2.0
// Continuous: attached as long as the target lives. A function that ends by itself is attached
// again after a wait that doubles each time and starts anew after a time that went well, as the
// kubelet restarts containers.
#pragma once

#include <cstdint>
#include <optional>

#include "caplet/time.h"
#include "kube/kinds.h"

namespace recap::caplet {

// Of one target; a restarted target begins with a new one.
struct ContinuousState {
  seconds backoff{0};  // the last wait
  std::optional<Uptime> last_start;
  std::optional<Uptime> not_before;
  bool finished = false;  // it succeeded, and restartPolicy is OnFailure
};

class Continuous {
 public:
  Continuous(const kube::ContinuousSpec& spec, bool suspended)
      : spec_(spec), suspended_(suspended) {}

  [[nodiscard]] bool is_due(const ContinuousState& state, Uptime now, bool is_active) const;
  // When it becomes due by itself; none: when something changes.
  [[nodiscard]] std::optional<Uptime> wake(const ContinuousState& state, bool is_active) const;

  void started(ContinuousState& state, Uptime now) const { state.last_start = now; }
  void ended(ContinuousState& state, Uptime now, bool succeeded) const;

 private:
  kube::ContinuousSpec spec_;
  bool suspended_ = false;
};

}  // namespace recap::caplet
