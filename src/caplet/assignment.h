// SPDX-License-Identifier: Apache-2.0
// An assignment: one Capsule on one target. It knows what was declared, what the target is now and
// what has run, and says what has to happen. It does nothing itself; caplet.cc does.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "caplet/declared.h"
#include "caplet/node_target.h"
#include "caplet/runner.h"
#include "caplet/state.h"

namespace recap::caplet {

// What has to happen now.
struct Decision {
  bool start = false;
  std::string trigger;            // of a start
  std::optional<Wall> scheduled;  // of a Periodic start
  bool stop_active = false;       // before the start, if there is one
  std::uint32_t missed = 0;       // scheduled times left out before this start
  std::string_view skipped;       // "Forbid", "TooLate": it was due and does not start
  std::string denial;             // why a run on demand may not start
  std::optional<Uptime> wake;     // when to decide again, if nothing else happens
};

class Assignment {
 public:
  // Found in the state directory; what it is of has not been seen yet.
  explicit Assignment(AssignmentState state) : state_(std::move(state)) {}

  // What is declared now. kInvalid: its schedule.
  base::Status bind(DeclaredPtr declared, const NodeTarget& target, Now now);
  // The Capsule is gone, or is no longer for this target.
  void release() { is_bound_ = false; }
  // The target is not there, or was not seen yet; the Capsule is declared, so what runs is left
  // alone, and its end counts.
  void lose_target(DeclaredPtr declared) {
    declared_ = std::move(declared);
    target_.reset();
    is_bound_ = true;
  }

  [[nodiscard]] Decision decide(Now now);

  // An event; those that the Capsule does not listen to are nothing.
  void on_event(kube::EventType type, Now now);
  // What became of the events since the last call.
  using Noticed = std::pair<kube::EventType, Verdict>;
  [[nodiscard]] std::vector<Noticed> take_noticed() { return std::exchange(noticed_, {}); }

  // The run's id, before its keeper is started; withdrawn when that fails.
  void on_start(const std::string& run_id, const Decision& decision, Now now);
  // A run of which the function never came to life counts as never started.
  void on_ended(const RunResult& result, Now now);
  // It could not be started: refused, or no such function. Counts as a failed run.
  void on_refused(const Decision& decision, Now now);

  // Ended runs beyond the history limits; they are forgotten here.
  [[nodiscard]] std::vector<std::string> take_outdated();

  // The Capsule is declared, and for this target as far as that can be seen.
  [[nodiscard]] bool is_bound() const { return is_bound_; }
  [[nodiscard]] bool is_active() const { return !state_.live.empty(); }
  [[nodiscard]] const DeclaredPtr& declared() const { return declared_; }
  [[nodiscard]] const NodeTarget* target() const { return target_ ? &*target_ : nullptr; }
  [[nodiscard]] AssignmentState& state() { return state_; }
  [[nodiscard]] const AssignmentState& state() const { return state_; }
  [[nodiscard]] std::string_view policy() const;  // "Periodic", …, for logs and metrics

 private:
  void see_instance(const NodeTarget& target, Now now);
  void see_readiness(Now now, Decision& decision);
  void decide_event(const EventPolicy& policy, Now now, Decision& decision);
  void decide_periodic(const Periodic& policy, Now now, Decision& decision);
  void decide_once(Now now, Decision& decision) const;
  void decide_continuous(const Continuous& policy, Now now, Decision& decision) const;
  void take_back(const LiveRun& run);
  void end_once(const RunResult& result, Now now);
  void settle(const Decision& decision, Now now);

  DeclaredPtr declared_;
  std::optional<NodeTarget> target_;
  AssignmentState state_;
  std::variant<std::monostate, Periodic, EventPolicy, Continuous> policy_;
  std::vector<Noticed> noticed_;
  std::optional<Wall> forbidden_;  // the scheduled time that was counted as skipped
  bool is_bound_ = false;
};

}  // namespace recap::caplet
