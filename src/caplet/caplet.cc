// SPDX-License-Identifier: Apache-2.0
// The story of a Caplet. Runs that an earlier one left are adopted. Then, whenever targets or
// declarations change, each Capsule is assigned to the targets it is for; whenever something could
// be due, that assignment is looked at; and when a run has ended, it is looked at again.
#include "caplet/caplet.h"

#include <algorithm>
#include <utility>

#include "caplet/log.h"
#include "caplet/records.h"

namespace recap::caplet {

using base::Status;

Caplet::Caplet(boost::asio::io_context& loop, Runner& runner, CapletOptions options,
               StateStore store, Metrics& metrics)
    : loop_(loop),
      options_(std::move(options)),
      store_(std::move(store)),
      audit_(options_.dirs),
      metrics_(metrics),
      runner_(runner),
      images_(loop, options_.dirs,
              [this](const std::string& reference, const Status& status) {
                on_fetched(reference, status);
              }),
      agenda_(loop,
              [this](const std::vector<Key>& due) {
                std::ranges::for_each(due, [this](const Key& key) { look_at(key); });
              }),
      clock_(loop, [this] { look_at_all(); }),
      sweep_(loop),
      lonely_timer_(loop) {
  runner_.listen([this](const RunResult& result) { on_ended(result); });
}

Caplet::~Caplet() = default;

Status Caplet::start(TargetSource& targets, DeclaredSource& declared) {
  RECAP_TRY(open_buckets());
  RECAP_TRY(images_.use_credential_providers(options_.credential_provider_config,
                                             options_.credential_provider_bin_dir));
  std::size_t damaged = 0;
  for (AssignmentState& state : RECAP_TRY(store_.load_all(damaged))) {
    const Key key(state.capsule, state.target);
    entries_.emplace(key, std::make_unique<Entry>(key, Assignment(std::move(state))));
  }
  if (damaged != 0) {
    log_warning("the state of some assignments is damaged; they begin anew", {{"count", damaged}});
  }
  targets.start([this](std::vector<NodeTarget> now) { on_targets(std::move(now)); });
  declared.start([this](const std::vector<DeclaredPtr>& now) { on_declared(now); });
  sweep_records();
  return {};
}

// Once, when it is known what is declared: of each run that was noted, its end will be told; at
// once, if it has ended while nobody listened.
void Caplet::adopt_runs() {
  if (std::exchange(adopted_, true)) {
    return;
  }
  for (const auto& [key, entry] : entries_) {
    for (const LiveRun& run : entry->assignment.state().live) {
      runs_[run.id] = {key, run.policy};
      runner_.adopt(run.id);
      metrics_.add("recap_adopted_total");
      log_info("adopting a run", {{"run", run.id}, {"capsule", key.first}, {"target", key.second}});
    }
  }
  send_artifacts();
}

void Caplet::on_targets(std::vector<NodeTarget> targets) {
  targets_seen_ = true;
  targets_.clear();
  for (NodeTarget& target : targets) {
    targets_.insert_or_assign(target.name, std::move(target));
  }
  count_targets();
  assign();
}

void Caplet::on_declared(const std::vector<DeclaredPtr>& declared) {
  declared_seen_ = true;
  const auto before = std::exchange(declared_, {});
  for (const DeclaredPtr& each : declared) {
    const auto known = before.find(each->key);
    const bool is_known = known != before.end() && is_same(*known->second, *each);
    const DeclaredPtr& kept = is_known ? known->second : each;
    declared_.insert_or_assign(kept->key, kept);
  }
  for (const auto& [key, entry] : entries_) {
    entry->cover = {};  // ceilings may be others now
  }
  count_declared();
  assign();
}

// Brings both together. What is no longer declared, or no longer for its target, is released, and
// its runs Escape; what has only lost its target waits for it to come back.
void Caplet::assign() {
  if (!is_ready()) {
    return;
  }
  for (auto& [key, entry] : entries_) {
    const auto declared = declared_.find(key.first);
    const auto target = targets_.find(key.second);
    if (declared == declared_.end() ||
        (target != targets_.end() && !is_for(*declared->second, target->second))) {
      entry->assignment.release();
    } else if (target == targets_.end()) {
      entry->assignment.lose_target(declared->second);
      entry->lost = entry->lost ? entry->lost : std::optional(BootClock::now());
    }
  }
  for (const auto& [key, declared] : declared_) {
    for (const auto& [name, target] : targets_) {
      if (is_for(*declared, target)) {
        bind(entry_of({key, name}), declared, target);
      }
    }
  }
  adopt_runs();
  find_lonely();
  look_at_all();
}

// Decides, and does it.
void Caplet::look_at(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !is_ready()) {
    return;
  }
  Entry& entry = *found->second;
  const Decision decision = entry.assignment.decide(Now::read());
  agenda_.set(key, decision.wake);
  (void)count_events(entry);
  note_skip(entry, decision);
  if (decision.stop_active) {
    stop_runs(entry);
  } else if (!decision.denial.empty()) {
    refuse(entry, decision, base::Error(base::Kind::kDenied, decision.denial));
  } else if (decision.start && !draining_) {
    start_run(entry, decision);
  }
  if (is_finished(entry)) {
    forget(key);
  }
}

void Caplet::on_event(const Key& key, kube::EventType type) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    return;
  }
  found->second->assignment.on_event(type, Now::read());
  if (count_events(*found->second)) {
    look_at(key);
  }
}

void Caplet::on_ended(const RunResult& result) {
  const auto run = runs_.find(result.id);
  if (run == runs_.end()) {
    return;
  }
  const Key key = run->second.key;
  runs_.erase(run);
  Entry& entry = *entries_.at(key);
  entry.assignment.on_ended(result, Now::read());
  tell_end(entry, result);
  for (const std::string& outdated : entry.assignment.take_outdated()) {
    remove_record(options_.dirs, outdated);
  }
  (void)save(entry);
  send_artifacts();
  look_at_waiting();  // before itself: a policy that is always due would leave them no room
  look_at(key);
}

void Caplet::drain() {
  draining_ = true;
  for (auto& [key, entry] : entries_) {
    stop_runs(*entry);
  }
}

}  // namespace recap::caplet
