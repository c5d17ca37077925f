// SPDX-License-Identifier: Apache-2.0
// How a run begins: room, image, admission, its note on disk, its keeper. The note comes before the
// keeper, so that whenever the Caplet dies, the next one knows of every run that may live.
#include <algorithm>
#include <string>
#include <utility>

#include <date/date.h>

#include "caplet/caplet.h"
#include "caplet/log.h"
#include "caplet/plan.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr seconds kTryAgain{10};

std::string_view reason_of(const Error& error) {
  switch (error.kind()) {
    case Kind::kDenied:
      return "Denied";
    case Kind::kGone:
      return "TargetGone";
    case Kind::kTimeout:
      return "ImagePullFailed";
    default:
      return "Failed";
  }
}

}  // namespace

void Caplet::start_run(Entry& entry, const Decision& decision) {
  if (!has_room(entry)) {
    wait_for_room(entry);
    return;
  }
  entry.cover = {};
  auto image = images_.get(entry.assignment.declared()->capsule.function);
  if (!image) {
    without_image(entry, decision, image.error());
    return;
  }
  auto admitted = admit(entry, decision, *std::move(image));
  if (!admitted && !entry.cover.full.empty()) {
    wait_for_room(entry);
    return;
  }
  auto artifacts = admitted ? open_store(entry, *admitted) : admitted.error();
  if (!artifacts) {
    refuse(entry, decision, artifacts.error());
    return;
  }
  launch(entry, decision, *admitted, *std::move(artifacts));
}

void Caplet::launch(Entry& entry, const Decision& decision, const capsule::Admitted& run,
                    linux::UniqueFd artifacts) {
  Assignment& assignment = entry.assignment;
  const AssignmentState before = assignment.state();
  assignment.on_start(run.run_id, decision, Now::read());
  assignment.state().live.back().policy = entry.cover.policy;
  if (!save(entry) || !audit_.started(assignment, decision, run, entry.cover.policy)) {
    // A run that nobody would know of must not start; what is due stays due.
    assignment.state() = before;
    agenda_.set(entry.key, BootClock::now() + kTryAgain);
    return;
  }
  if (const Status started = runner_.start(run, std::move(artifacts)); !started) {
    assignment.state() = before;
    refuse(entry, decision, started.error());
    return;
  }
  runs_[run.run_id] = {entry.key, entry.cover.policy};
  tell_start(entry, decision, run);
}

void Caplet::tell_start(Entry& entry, const Decision& decision, const capsule::Admitted& run) {
  entry.said.clear();
  log_info("a run has started", {{"run", run.run_id},
                                 {"capsule", entry.key.first},
                                 {"target", entry.key.second},
                                 {"trigger", decision.trigger},
                                 {"image", run.image.digest}});
  metrics_.add("recap_run_starts_total", {{"policy", std::string(entry.assignment.policy())}});
  metrics_.set("recap_active_runs", {}, static_cast<double>(runs_.size()));
  if (decision.scheduled) {
    const milliseconds lag = Now::read().wall - *decision.scheduled;
    metrics_.observe("recap_schedule_lag_seconds", {}, static_cast<double>(lag.count()) / 1000);
  }
  if (reporter_ != nullptr) {
    reporter_->on_started(entry.assignment, run.run_id);
  }
}

Load Caplet::load_on(const Entry& entry) const {
  Load load;
  for (const auto& [id, run] : runs_) {
    load.on_target += run.key.second == entry.key.second ? 1 : 0;
    ++load.under[run.policy];
  }
  return load;
}

// The ceilings of the node, of the target and of the Capsule itself; and of the CapsulePolicies
// that cover it, as far as they are known from the last attempt.
bool Caplet::has_room(const Entry& entry) const {
  const auto of_capsule = std::ranges::count_if(
      runs_, [&](const auto& run) { return run.second.key.first == entry.key.first; });
  const auto own = entry.assignment.declared()->capsule.max_runs_per_node;
  const Load load = load_on(entry);
  const std::vector<RunsAtOnce>& full = entry.cover.full;
  const bool still_full = !full.empty() && std::ranges::all_of(full, [&](const RunsAtOnce& most) {
    return most.is_reached(load);
  });
  return runs_.size() < options_.max_runs_per_node &&
         load.on_target < options_.max_runs_per_target &&
         (!own || static_cast<std::size_t>(of_capsule) < *own) && !still_full;
}

void Caplet::wait_for_room(Entry& entry) {
  if (!std::exchange(entry.waits, true)) {
    metrics_.add("recap_throttled_total");
    waiting_.push_back(entry.key);
  }
}

Result<capsule::Admitted> Caplet::admit(Entry& entry, const Decision& decision,
                                        image::PreparedImage image) {
  const Declared& declared = *entry.assignment.declared();
  const kube::Capsule& capsule = declared.capsule;
  auto target = RECAP_TRY(targets::pin(entry.assignment.target()->target, options_.roots));
  auto run = RECAP_TRY(capsule::admit(request_of(capsule.function, capsule.end), std::move(target),
                                      std::move(image), options_.dirs));
  if (ceilings_ != nullptr) {
    entry.cover =
        RECAP_TRY(ceilings_->check(declared, *entry.assignment.target(), load_on(entry), run));
    if (!entry.cover.full.empty()) {
      return Error(Kind::kBusy, "each policy that covers it has as many runs as it allows");
    }
  }
  run.requester = requester_of(declared.kind, capsule.meta);
  run.name = name_of_run(capsule.meta.name, run.run_id);
  run.env.push_back("RECAP_CAPSULE=" + declared.key);
  run.env.push_back("RECAP_TARGET=" + entry.key.second);
  run.env.push_back("RECAP_TRIGGER=" + decision.trigger);
  if (decision.scheduled) {
    run.env.push_back("RECAP_SCHEDULED=" +
                      date::format("%FT%TZ", date::floor<seconds>(*decision.scheduled)));
  }
  return run;
}

// It is being fetched, or the last fetch failed and the next has to wait. A run on demand does not
// wait for the second attempt: who asked for it wants to know.
void Caplet::without_image(Entry& entry, const Decision& decision, const Error& why) {
  const bool waits = why.kind() == Kind::kBusy;
  if (waits || (why.kind() == Kind::kTimeout && !entry.assignment.declared()->once)) {
    agenda_.set(entry.key, waits ? std::nullopt : std::optional(BootClock::now() + kTryAgain));
    return;
  }
  refuse(entry, decision, why);
}

void Caplet::refuse(Entry& entry, const Decision& decision, const Error& why) {
  if (why.kind() == Kind::kGone && !entry.assignment.declared()->once) {
    return;  // the source of targets is about to say so; what is due stays due
  }
  say_once(entry, "a run was refused", why.message());
  metrics_.add("recap_skipped_total", {{"reason", std::string(reason_of(why))}});
  audit_.refused(entry.assignment, decision, reason_of(why), why.message());
  entry.assignment.on_refused(decision, Now::read());
  (void)save(entry);
  if (reporter_ != nullptr) {
    reporter_->on_refused(entry.assignment, reason_of(why), why.message());
  }
  agenda_.set(entry.key, BootClock::now());  // decide again, now that it is settled
}

bool Caplet::save(Entry& entry) {
  const Status saved = store_.save(entry.assignment.state());
  if (!saved) {
    log_error("the state of an assignment cannot be written; no run starts until it can",
              {{"capsule", entry.key.first}, {"why", saved.error().message()}});
  }
  entry.has_unsaved_counts = entry.has_unsaved_counts && !saved;
  return saved.has_value();
}

void Caplet::save_counts() {
  for (const auto& [key, entry] : entries_) {
    if (entry->has_unsaved_counts) {
      (void)save(*entry);
    }
  }
}

}  // namespace recap::caplet
