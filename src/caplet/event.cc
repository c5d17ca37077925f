// SPDX-License-Identifier: Apache-2.0
#include "caplet/event.h"

#include <algorithm>
#include <numeric>

namespace recap::caplet {
namespace {

constexpr seconds kHour{3600};
constexpr milliseconds kSettle{1000};  // what a run caused may be noticed after its end

bool is_noticed_late(kube::EventType type) {
  return type == kube::EventType::kFileChanged || type == kube::EventType::kMemoryPressure ||
         type == kube::EventType::kCpuPressure;
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccepted:
      return "accepted";
    case Verdict::kDebounced:
      return "debounce";
    case Verdict::kCooldown:
      return "cooldown";
    case Verdict::kLimit:
      return "limit";
    case Verdict::kLoop:
      return "loop";
    case Verdict::kSuspended:
      return "suspended";
  }
  return "unknown";
}

std::uint64_t EventState::suppressed() const {
  return std::accumulate(counts.begin() + 1, counts.end(), std::uint64_t{0});
}

Verdict EventPolicy::judge(const EventState& state, kube::EventType type, Uptime now,
                           bool is_active) const {
  if (suspended_) {
    return Verdict::kSuspended;
  }
  if (state.pending) {
    return Verdict::kDebounced;
  }
  const bool may_be_late = is_noticed_late(type) && state.last_end;
  if (is_active || (may_be_late && now < *state.last_end + kSettle)) {
    return Verdict::kLoop;
  }
  if (state.last_end && now < *state.last_end + seconds(spec_.cooldown_s)) {
    return Verdict::kCooldown;
  }
  const auto recent =
      std::ranges::count_if(state.starts, [&](Uptime start) { return now < start + kHour; });
  return recent >= spec_.max_runs_per_hour ? Verdict::kLimit : Verdict::kAccepted;
}

Verdict EventPolicy::offer(EventState& state, kube::EventType type, Uptime now,
                           bool is_active) const {
  const Verdict verdict = judge(state, type, now, is_active);
  ++state.counts[static_cast<std::size_t>(verdict)];
  if (verdict == Verdict::kAccepted) {
    state.pending = EventState::Pending{type, now + seconds(spec_.debounce_s)};
  }
  return verdict;
}

std::optional<kube::EventType> EventPolicy::due(const EventState& state, Uptime now) const {
  const bool is_due = !suspended_ && state.pending && now >= state.pending->due;
  return is_due ? std::optional(state.pending->type) : std::nullopt;
}

std::optional<Uptime> EventPolicy::wake(const EventState& state) const {
  return !suspended_ && state.pending ? std::optional(state.pending->due) : std::nullopt;
}

void EventPolicy::started(EventState& state, Uptime now) const {
  state.pending.reset();
  state.starts.push_back(now);
  while (!state.starts.empty() && now >= state.starts.front() + kHour) {
    state.starts.pop_front();
  }
}

}  // namespace recap::caplet
