// SPDX-License-Identifier: Apache-2.0
// The steps of the story in caplet.cc, one function each.
#include <algorithm>
#include <utility>

#include "caplet/caplet.h"
#include "caplet/keepers.h"
#include "caplet/log.h"
#include "caplet/records.h"

namespace recap::caplet {

using base::Status;

namespace {

// A target that is away longer than this does not come back under its name: a pod was replaced, a
// container removed.
constexpr seconds kForgetAfter{3600};
constexpr seconds kSweepEvery{3600};
constexpr seconds kTargetPatience{10};

}  // namespace

Caplet::Entry& Caplet::entry_of(const Key& key) {
  std::unique_ptr<Entry>& entry = entries_[key];
  if (!entry) {
    AssignmentState state;
    state.capsule = key.first;
    state.target = key.second;
    entry = std::make_unique<Entry>(key, Assignment(std::move(state)));
  }
  return *entry;
}

void Caplet::bind(Entry& entry, const DeclaredPtr& declared, const NodeTarget& target) {
  entry.lost.reset();
  const bool is_new = !entry.assignment.is_bound() || entry.assignment.target() == nullptr ||
                      entry.assignment.declared() != declared ||
                      entry.assignment.state().instance != target.instance;
  if (const Status ok = entry.assignment.bind(declared, target, Now::read()); !ok) {
    say_once(entry, "a Capsule cannot be carried out", ok.error().message());
    entry.assignment.release();
    return;
  }
  if (is_new && entry.assignment.declared()->once && entry.assignment.state().once.done) {
    tell_again(entry);
  } else if (is_new) {
    watch_events(entry);
    images_.fetch_ahead(declared->capsule.function);
    (void)save(entry);
  }
}

// The API server may know of a container before the node does, so a run that was bound to this node
// waits a while for its target.
void Caplet::find_lonely() {
  const auto before = std::exchange(lonely_, {});
  for (const auto& [key, declared] : declared_) {
    const auto entry = entries_.lower_bound({key, ""});
    if (reporter_ == nullptr || !declared->once || declared->once->pod_uid.empty() ||
        (entry != entries_.end() && entry->first.first == key)) {
      continue;
    }
    const auto known = before.find(key);
    const Uptime since = known != before.end() ? known->second : BootClock::now();
    lonely_.emplace(key, since);
    if (BootClock::now() >= since + kTargetPatience) {
      reporter_->on_no_target(*declared);
    }
  }
  if (!lonely_.empty()) {
    lonely_timer_.expires_after(kTargetPatience);
    lonely_timer_.async_wait(
        [this](const boost::system::error_code& cancelled) { cancelled ? void() : find_lonely(); });
  }
}

// A run on demand that has ended, and is still declared: an earlier Caplet could not tell its end.
void Caplet::tell_again(Entry& entry) {
  const std::vector<PastRun>& past = entry.assignment.state().past;
  const auto result = past.empty() ? std::nullopt : ended_result(options_.dirs, past.back().id);
  if (reporter_ != nullptr && !entry.assignment.is_active()) {
    result ? reporter_->on_ended(entry.assignment, *result)
           : reporter_->on_refused(entry.assignment, "Failed",
                                   "it was refused, or its record is gone: see the node's log");
  }
}

void Caplet::watch_events(Entry& entry) {
  entry.watches.clear();
  const kube::Capsule& capsule = entry.assignment.declared()->capsule;
  if (capsule.execution.type != kube::ExecutionType::kEvent) {
    return;
  }
  const NodeTarget& target = *entry.assignment.target();
  for (const kube::EventSource& source : capsule.execution.event.triggers) {
    auto watch = watch_for(source, {loop_, target.target, options_.roots},
                           [this, key = entry.key, type = source.type] { on_event(key, type); });
    if (!watch) {
      say_once(entry, "an event cannot be observed on this node", watch.error().message());
      if (reporter_ != nullptr) {
        reporter_->on_unsupported(entry.assignment, watch.error().message());
      }
    } else if (*watch) {
      entry.watches.push_back(*std::move(watch));
    }
  }
}

void Caplet::stop_runs(Entry& entry) {
  const DeclaredPtr& declared = entry.assignment.declared();
  const std::int64_t grace_s = declared ? declared->capsule.end.grace_s : kube::EndSpec().grace_s;
  bool changed = false;
  for (LiveRun& run : entry.assignment.state().live) {
    if (!std::exchange(run.stopping, true)) {
      log_info("stopping a run",
               {{"run", run.id}, {"capsule", entry.key.first}, {"target", entry.key.second}});
      changed = true;
    }
    runner_.stop(run.id, static_cast<std::uint64_t>(grace_s) * 1000);
  }
  if (changed) {
    (void)save(entry);
  }
}

// Whether one of them will start a run; that is remembered.
bool Caplet::count_events(Entry& entry) {
  bool accepted = false;
  for (const auto& [type, verdict] : entry.assignment.take_noticed()) {
    metrics_.add("recap_trigger_events_total",
                 {{"source", kube::name_of(type)}, {"outcome", name_of(verdict)}});
    accepted = accepted || verdict == Verdict::kAccepted;
    entry.has_unsaved_counts = true;
  }
  if (accepted) {
    (void)save(entry);
  }
  return accepted;
}

void Caplet::note_skip(Entry& entry, const Decision& decision) {
  if (decision.missed > kTooManyMissed && decision.start) {
    log_warning(
        "more than 100 scheduled times were missed; check the clock, or set "
        "startingDeadlineSeconds",
        {{"capsule", entry.key.first}, {"target", entry.key.second}});
  }
  if (!decision.skipped.empty()) {
    metrics_.add("recap_skipped_total", {{"reason", std::string(decision.skipped)}});
    log_info(
        "a run was due and does not start",
        {{"capsule", entry.key.first}, {"target", entry.key.second}, {"reason", decision.skipped}});
    (void)save(entry);
  }
}

void Caplet::tell_end(Entry& entry, const RunResult& result) {
  const Assignment& assignment = entry.assignment;
  log_info("a run has ended", {{"run", result.id},
                               {"capsule", entry.key.first},
                               {"target", entry.key.second},
                               {"exitCode", result.exit_code},
                               {"reason", result.reason},
                               {"message", result.message},
                               {"residue", result.residue}});
  failures_ += result.succeeded() ? 0 : 1;
  const std::string policy(assignment.policy());
  metrics_.add("recap_runs_total", {{"policy", policy},
                                    {"result", result.succeeded() ? "succeeded" : "failed"},
                                    {"reason", result.reason}});
  metrics_.observe("recap_run_duration_seconds", {{"policy", policy}}, result.duration_s);
  metrics_.observe("recap_attach_seconds", {}, result.attach_s);
  metrics_.observe("recap_escape_seconds", {}, result.escape_s);
  metrics_.add("recap_residue_total", {}, result.residue);
  metrics_.set("recap_active_runs", {}, static_cast<double>(runs_.size()));
  audit_.ended(assignment, result);
  if (reporter_ != nullptr) {
    reporter_->on_ended(assignment, result);
  }
}

bool Caplet::is_finished(const Entry& entry) const {
  if (entry.assignment.is_active() || !is_ready()) {
    return false;
  }
  return !entry.assignment.is_bound() ||
         (entry.lost && BootClock::now() - *entry.lost > kForgetAfter);
}

bool Caplet::has_runs(const std::string& declared) const {
  for (auto at = entries_.lower_bound({declared, ""});
       at != entries_.end() && at->first.first == declared; ++at) {
    if (at->second->assignment.is_active()) {
      return true;
    }
  }
  return false;
}

void Caplet::forget(const Key& key) {
  const auto found = entries_.find(key);
  const bool is_withdrawn = !found->second->assignment.is_bound();
  (void)store_.remove(found->second->assignment.state());
  agenda_.set(key, std::nullopt);
  if (found->second->waits) {
    std::erase(waiting_, key);
  }
  entries_.erase(found);
  if (is_withdrawn && reporter_ != nullptr) {
    reporter_->on_escaped();
  }
}

void Caplet::look_at_all() {
  std::vector<Key> keys;
  for (const auto& [key, entry] : entries_) {
    keys.push_back(key);
  }
  for (const Key& key : keys) {
    look_at(key);
  }
}

// In the order in which they came. A thousand may wait, and each end of a run comes here: for whom
// there is clearly no room is not looked at, and keeps its place.
void Caplet::look_at_waiting() {
  std::vector<Key> keys = std::exchange(waiting_, {});
  std::map<std::string, std::size_t> on_target;
  for (const auto& [id, run] : runs_) {
    ++on_target[run.key.second];
  }
  for (Key& key : keys) {
    std::size_t& there = on_target[key.second];
    const std::size_t before = runs_.size();
    if (before < options_.max_runs_per_node && there < options_.max_runs_per_target) {
      entries_.at(key)->waits = false;
      look_at(key);
      there += runs_.size() - before;
    } else {
      waiting_.push_back(std::move(key));
    }
  }
}

void Caplet::on_fetched(const std::string& reference, const Status& status) {
  metrics_.add("recap_image_fetches_total", {{"result", status ? "succeeded" : "failed"}});
  if (!status) {
    log_error("an image could not be fetched",
              {{"image", reference}, {"why", status.error().message()}});
  }
  look_at_all();
}

void Caplet::say_once(Entry& entry, std::string_view what, std::string_view why) {
  if (entry.said == why) {
    return;
  }
  entry.said = why;
  log_error(what, {{"capsule", entry.key.first}, {"target", entry.key.second}, {"why", why}});
}

void Caplet::sweep_records() {
  (void)remove_old_records(options_.dirs, options_.keep_records_s);
  look_at_all();  // what is lost for good is forgotten
  sweep_.expires_after(kSweepEvery);
  sweep_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      sweep_records();
    }
  });
}

}  // namespace recap::caplet
