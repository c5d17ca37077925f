// SPDX-License-Identifier: Apache-2.0
#include "caplet/assignment.h"

#include <algorithm>
#include <utility>

namespace recap::caplet {
namespace {

constexpr const char* kRunNow = "recap.dev/run-now";
constexpr seconds kFirstRetry{10};  // of a run on demand; doubles

Uptime uptime_of(Wall wall, Now now) { return now.up + (wall - now.wall); }

std::string run_now_of(const Declared& declared) {
  const auto& annotations = declared.capsule.meta.annotations;
  const auto found = annotations.find(kRunNow);
  return found == annotations.end() ? "" : found->second;
}

}  // namespace

std::string_view Assignment::policy() const {
  return declared_ ? kube::name_of(declared_->capsule.execution.type) : "Unknown";
}

base::Status Assignment::bind(DeclaredPtr declared, const NodeTarget& target, Now now) {
  const kube::Capsule& capsule = declared->capsule;
  switch (capsule.execution.type) {
    case kube::ExecutionType::kPeriodic:
      policy_.emplace<Periodic>(RECAP_TRY(Periodic::make(
          capsule.execution.periodic, capsule.suspend, state_.capsule + "\n" + target.name)));
      break;
    case kube::ExecutionType::kEvent:
      policy_.emplace<EventPolicy>(capsule.execution.event, capsule.suspend);
      break;
    case kube::ExecutionType::kContinuous:
      policy_.emplace<Continuous>(capsule.execution.continuous, capsule.suspend);
      break;
    case kube::ExecutionType::kOnDemand:
      policy_.emplace<std::monostate>();
      break;
  }
  if (!declared_ && state_.periodic.since == Wall()) {
    state_.periodic.since = now.wall;
    state_.run_now = declared->once ? "" : run_now_of(*declared);
  }
  declared_ = std::move(declared);
  target_ = target;
  is_bound_ = true;
  see_instance(target, now);
  return {};
}

// Starts of the target, as events and as a new beginning for Continuous.
void Assignment::see_instance(const NodeTarget& target, Now now) {
  if (target.instance == state_.instance) {
    return;
  }
  const bool restarted = !state_.instance.empty();
  state_.instance = target.instance;
  state_.continuous = {};
  on_event(kube::EventType::kContainerStarted, now);
  if (restarted) {
    on_event(kube::EventType::kContainerRestarted, now);
  }
}

void Assignment::on_event(kube::EventType type, Now now) {
  const auto* policy = std::get_if<EventPolicy>(&policy_);
  const auto listens = [&](const kube::EventSource& source) { return source.type == type; };
  if (policy == nullptr ||
      std::ranges::none_of(declared_->capsule.execution.event.triggers, listens)) {
    return;
  }
  // A run on an earlier instance is ending by itself; it has nothing to do with this one's start.
  const bool is_own_doing = std::ranges::any_of(
      state_.live, [&](const LiveRun& run) { return run.instance == state_.instance; });
  noticed_.emplace_back(type, policy->offer(state_.event, type, now.up, is_own_doing));
}

// A pod that is not ready for long enough; once for each time that it stopped being ready.
void Assignment::see_readiness(Now now, Decision& decision) {
  if (!target_->not_ready || state_.not_ready_told == target_->not_ready_since_s) {
    return;
  }
  for (const kube::EventSource& source : declared_->capsule.execution.event.triggers) {
    if (source.type != kube::EventType::kPodNotReady) {
      continue;
    }
    const Wall due(seconds(target_->not_ready_since_s + source.for_s));
    if (now.wall < due) {
      decision.wake = uptime_of(due, now);
    } else {
      state_.not_ready_told = target_->not_ready_since_s;
      on_event(source.type, now);
      return;
    }
  }
}

void Assignment::decide_event(const EventPolicy& policy, Now now, Decision& decision) {
  see_readiness(now, decision);
  const auto due = is_active() ? std::nullopt : policy.due(state_.event, now.up);
  decision.start = due.has_value();
  decision.trigger = due ? kube::name_of(*due) : "";
  if (const auto wake = policy.wake(state_.event); wake && !due && !is_active()) {
    decision.wake = decision.wake ? std::min(*decision.wake, *wake) : *wake;
  }
}

Decision Assignment::decide(Now now) {
  Decision decision;
  if (!is_bound_ || !target_) {
    decision.stop_active = !is_bound_;
    return decision;
  }
  if (const std::string run_now = run_now_of(*declared_);
      !run_now.empty() && run_now != state_.run_now && !declared_->once) {
    decision.start = true;
    decision.trigger = "RunNow";
    return decision;
  }
  if (declared_->once) {
    decide_once(now, decision);
  } else if (const auto* periodic = std::get_if<Periodic>(&policy_)) {
    decide_periodic(*periodic, now, decision);
  } else if (const auto* event = std::get_if<EventPolicy>(&policy_)) {
    decide_event(*event, now, decision);
  } else if (const auto* continuous = std::get_if<Continuous>(&policy_)) {
    decide_continuous(*continuous, now, decision);
  }
  return decision;
}

void Assignment::decide_periodic(const Periodic& policy, Now now, Decision& decision) {
  using Action = PeriodicDecision::Action;
  const PeriodicDecision due = policy.decide(state_.periodic, now.wall, is_active());
  decision.wake = due.wake ? std::optional(uptime_of(*due.wake, now)) : std::nullopt;
  decision.missed = due.missed;
  switch (due.action) {
    case Action::kWait:
      break;
    case Action::kForbid:
      if (forbidden_ != due.scheduled) {
        forbidden_ = due.scheduled;
        ++state_.skipped;
        decision.skipped = "Forbid";
      }
      break;
    case Action::kTooLate:
      state_.periodic.last_settled = due.scheduled;
      state_.skipped += due.missed + 1;
      decision.skipped = "TooLate";
      break;
    case Action::kStart:
    case Action::kReplace:
      decision.start = true;
      decision.stop_active = due.action == Action::kReplace;
      decision.trigger = "Schedule";
      decision.scheduled = due.scheduled;
      break;
  }
}

void Assignment::decide_once(Now now, Decision& decision) const {
  if (state_.once.done || is_active()) {
    return;
  }
  const Once& once = *declared_->once;
  if (state_.once.attempts == 0 && once.access != Access::kAllowed) {
    decision.denial = once.access == Access::kDenied ? once.denial : "";
    return;
  }
  if (state_.once.not_before && now.up < *state_.once.not_before) {
    decision.wake = state_.once.not_before;
    return;
  }
  decision.start = true;
  decision.trigger = "OnDemand";
}

void Assignment::decide_continuous(const Continuous& policy, Now now, Decision& decision) const {
  decision.start = policy.is_due(state_.continuous, now.up, is_active());
  decision.trigger = "Continuous";
  decision.wake = decision.start ? std::nullopt : policy.wake(state_.continuous, is_active());
  // What is attached is not what is declared any more.
  const bool is_outdated = std::ranges::any_of(state_.live, [&](const LiveRun& run) {
    return run.spec_hash != declared_->capsule.meta.spec_hash;
  });
  decision.stop_active = is_outdated && !declared_->capsule.suspend;
}

// What a start uses up, whether it succeeds or not.
void Assignment::settle(const Decision& decision, Now now) {
  if (decision.trigger == "RunNow") {
    state_.run_now = run_now_of(*declared_);
    return;
  }
  if (decision.scheduled) {
    state_.periodic.last_settled = decision.scheduled;
  }
  if (const auto* event = std::get_if<EventPolicy>(&policy_)) {
    event->started(state_.event, now.up);
  }
  if (const auto* continuous = std::get_if<Continuous>(&policy_)) {
    continuous->started(state_.continuous, now.up);
  }
  if (declared_->once) {
    ++state_.once.attempts;
  }
}

void Assignment::on_start(const std::string& run_id, const Decision& decision, Now now) {
  const std::optional<Wall> settled_before = state_.periodic.last_settled;
  settle(decision, now);
  state_.live.push_back({.id = run_id,
                         .instance = state_.instance,
                         .trigger = decision.trigger,
                         .scheduled = decision.scheduled,
                         .settled_before = settled_before,
                         .started = now.wall,
                         .spec_hash = declared_->capsule.meta.spec_hash});
}

void Assignment::on_refused(const Decision& decision, Now now) {
  settle(decision, now);
  ++state_.failed;
  state_.once.done = declared_->once.has_value();  // what was refused is not tried again
  if (const auto* continuous = std::get_if<Continuous>(&policy_)) {
    continuous->ended(state_.continuous, now.up, false);
  }
}

void Assignment::on_ended(const RunResult& result, Now now) {
  const auto run = std::ranges::find(state_.live, result.id, &LiveRun::id);
  if (run == state_.live.end()) {
    return;
  }
  const LiveRun ended = std::move(*run);
  state_.live.erase(run);
  if (!result.was_started) {
    take_back(ended);
    return;
  }
  ++(result.succeeded() ? state_.succeeded : state_.failed);
  state_.past.push_back({ended.id, result.succeeded()});
  if (const auto* event = std::get_if<EventPolicy>(&policy_)) {
    event->ended(state_.event, now.up);
  }
  // The end of a run on an earlier instance, and one that we asked for, is no reason to wait.
  const bool by_itself = ended.instance == state_.instance && !ended.stopping &&
                         result.reason != "TargetGone" && result.reason != "Stopped";
  if (const auto* continuous = std::get_if<Continuous>(&policy_); continuous && by_itself) {
    continuous->ended(state_.continuous, now.up, result.succeeded());
  }
  end_once(result, now);
}

void Assignment::end_once(const RunResult& result, Now now) {
  OnceState& once = state_.once;
  if (!declared_ || !declared_->once) {
    return;
  }
  once.done = result.succeeded() || once.attempts > declared_->once->backoff_limit;
  once.not_before = now.up + kFirstRetry * (1 << std::min(once.attempts, 10U)) / 2;
}

// The Caplet died between noting the run and starting its keeper: as if it had not been noted.
void Assignment::take_back(const LiveRun& run) {
  if (run.scheduled && state_.periodic.last_settled == run.scheduled) {
    state_.periodic.last_settled = run.settled_before;
  }
  if (state_.once.attempts > 0) {
    --state_.once.attempts;
  }
  if (run.trigger == "RunNow") {
    state_.run_now.clear();
  }
  for (std::size_t i = 0; i < kube::kEventTypes; ++i) {
    const auto type = static_cast<kube::EventType>(i);
    if (run.trigger == kube::name_of(type) && !state_.event.pending) {
      state_.event.pending = EventState::Pending{type, Uptime()};
    }
  }
}

}  // namespace recap::caplet
