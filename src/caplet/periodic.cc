// SPDX-License-Identifier: Apache-2.0
#include "caplet/periodic.h"

#include <algorithm>

#include "base/hash.h"

namespace recap::caplet {

using std::chrono::floor;
using std::chrono::sys_seconds;

base::Result<Periodic> Periodic::make(const kube::PeriodicSpec& spec, bool suspended,
                                      std::string_view target) {
  auto schedule = RECAP_TRY(CronSchedule::parse(spec.schedule, spec.time_zone));
  const auto range = static_cast<std::uint64_t>(spec.jitter_s) + 1;
  const seconds jitter(static_cast<std::int64_t>(base::stable_hash(target) % range));
  return Periodic(spec, suspended, schedule, jitter);
}

// CronJob's rule: what the starting deadline has ended is not even counted.
std::uint32_t Periodic::missed_before(sys_seconds due, sys_seconds last, sys_seconds now) const {
  const auto deadline = seconds(spec_.starting_deadline_s.value_or(0) + 1);
  auto at = spec_.starting_deadline_s ? std::max(last, now - deadline) : last;
  std::uint32_t missed = 0;
  for (auto next = schedule_.next_after(at); next && *next < due && missed <= kTooManyMissed;
       next = schedule_.next_after(*next)) {
    ++missed;
  }
  return missed;
}

PeriodicDecision Periodic::decide(const PeriodicState& state, Wall now, bool is_active) const {
  using Action = PeriodicDecision::Action;
  PeriodicDecision decision;
  if (suspended_) {
    return decision;  // a change of the Capsule wakes us
  }
  // Everything below happens in this target's own time, which is `jitter` behind.
  const auto today = floor<seconds>(now - jitter_);
  const auto last = floor<seconds>(state.last_settled.value_or(state.since));
  if (const auto next = schedule_.upcoming(last, today)) {
    decision.wake = *next + jitter_;
  }
  const auto due = last < today ? schedule_.last_until(last, today) : std::nullopt;
  if (!due) {
    return decision;
  }
  decision.scheduled = *due;
  decision.missed = missed_before(*due, last, today);
  if (spec_.starting_deadline_s && now > *due + jitter_ + seconds(*spec_.starting_deadline_s)) {
    decision.action = Action::kTooLate;
  } else if (is_active && spec_.concurrency == kube::ConcurrencyPolicy::kForbid) {
    decision.action = Action::kForbid;
  } else if (is_active && spec_.concurrency == kube::ConcurrencyPolicy::kReplace) {
    decision.action = Action::kReplace;
  } else {
    decision.action = Action::kStart;
  }
  return decision;
}

}  // namespace recap::caplet
