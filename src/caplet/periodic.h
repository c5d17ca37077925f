// SPDX-License-Identifier: Apache-2.0
// Periodic: when a run is due, with CronJob's words and rules, for one target.
//
//   suspend                  nothing starts; what was due meanwhile counts as missed
//   startingDeadlineSeconds  what could not start within it is missed for good
//   concurrencyPolicy        Allow: beside the last run; Forbid: not while one is active, but
//                            still when it ends, if the deadline allows; Replace: instead of it
//   several missed           only the last of them starts; over 100 are worth a warning
//   jitterSeconds            RECap's own: each target starts later by its share of it, always the
//                            same, so that a fleet does not start at once
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "caplet/cron.h"
#include "caplet/time.h"
#include "kube/kinds.h"

namespace recap::caplet {

struct PeriodicState {
  Wall since;                        // when the target was first seen under this Capsule
  std::optional<Wall> last_settled;  // the scheduled time (without jitter) that started last, or
                                     // was given up as too late
};

struct PeriodicDecision {
  enum class Action : std::uint8_t {
    kWait,     // nothing is due
    kStart,    // start a run for `scheduled`
    kReplace,  // stop the active runs, then the same
    kForbid,   // due, but one is active
    kTooLate,  // due, but its starting deadline has passed
  };
  Action action = Action::kWait;
  Wall scheduled{};            // of all but kWait
  std::uint32_t missed = 0;    // scheduled times before `scheduled` that never started; at most 101
  std::optional<Wall> wake{};  // when to ask again, if nothing else happens; none: never
};
inline constexpr std::uint32_t kTooManyMissed = 100;

class Periodic {
 public:
  // kInvalid: the schedule or its time zone.
  static base::Result<Periodic> make(const kube::PeriodicSpec& spec, bool suspended,
                                     std::string_view target);

  [[nodiscard]] PeriodicDecision decide(const PeriodicState& state, Wall now, bool is_active) const;

  // How much later this target starts.
  [[nodiscard]] seconds jitter() const { return jitter_; }

 private:
  Periodic(const kube::PeriodicSpec& spec, bool suspended, const CronSchedule& schedule,
           seconds jitter)
      : spec_(spec), suspended_(suspended), schedule_(schedule), jitter_(jitter) {}

  [[nodiscard]] std::uint32_t missed_before(std::chrono::sys_seconds due,
                                            std::chrono::sys_seconds last,
                                            std::chrono::sys_seconds now) const;

  kube::PeriodicSpec spec_;
  bool suspended_ = false;
  CronSchedule schedule_;
  seconds jitter_{0};
};

}  // namespace recap::caplet
