// SPDX-License-Identifier: Apache-2.0
// Event: which events start a run, for one target of one Capsule. Every event that is offered
// either starts a run or is counted as suppressed, with the reason.
//
//   debounce    an event opens a window; what comes in it is one with it, and the run starts when
//               it closes. It is not prolonged: a steady stream of events must not starve the run
//   cool-down   nothing starts for so long after a run has ended
//   limit       runs in any 60 minutes
//   loop        while a run is active, and shortly after, what happens may be its own doing
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "caplet/time.h"
#include "kube/kinds.h"

namespace recap::caplet {

enum class Verdict : std::uint8_t {
  kAccepted,   // it will start a run
  kDebounced,  // one with an accepted one
  kCooldown,
  kLimit,
  kLoop,
  kSuspended,
};
inline constexpr std::size_t kVerdicts = 6;
const char* name_of(Verdict verdict);  // "accepted", "debounce", "cooldown", …

// What is remembered, also over a restart of the Caplet (but not of the node).
struct EventState {
  struct Pending {
    kube::EventType type{};  // of the first event in the window
    Uptime due{};
  };
  std::optional<Pending> pending;
  std::optional<Uptime> last_end;
  std::deque<Uptime> starts;  // of the last hour, oldest first
  std::array<std::uint64_t, kVerdicts> counts{};

  [[nodiscard]] std::uint64_t suppressed() const;  // all but accepted ones
};

class EventPolicy {
 public:
  EventPolicy(const kube::EventSpec& spec, bool suspended) : spec_(spec), suspended_(suspended) {}

  // An event happened. `is_active`: a run of this Capsule on this target is.
  Verdict offer(EventState& state, kube::EventType type, Uptime now, bool is_active) const;

  // The accepted event whose time to start has come. It stays pending until started().
  [[nodiscard]] std::optional<kube::EventType> due(const EventState& state, Uptime now) const;
  [[nodiscard]] std::optional<Uptime> wake(const EventState& state) const;

  void started(EventState& state, Uptime now) const;
  void ended(EventState& state, Uptime now) const { state.last_end = now; }

 private:
  [[nodiscard]] Verdict judge(const EventState& state, kube::EventType type, Uptime now,
                              bool is_active) const;

  kube::EventSpec spec_;
  bool suspended_ = false;
};

}  // namespace recap::caplet
