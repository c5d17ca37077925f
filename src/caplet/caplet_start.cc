// SPDX-License-Identifier: Apache-2.0
// How a run begins: room, image, admission, its note on disk, its keeper. The note comes before the
// keeper, so that whenever the Caplet dies, the next one knows of every run that may live.
#include <fcntl.h>

#include <algorithm>
#include <string>
#include <utility>

#include <date/date.h>

#include "caplet/caplet.h"
#include "caplet/log.h"
#include "caplet/plan.h"
#include "capsule/artifacts.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr seconds kTryAgain{10};

// "docker://web" as the name of a folder.
std::string folder_name(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '/' || c == ':' || c == '@'; }, '_');
  return text;
}

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
    metrics_.add("recap_throttled_total");
    waiting_.push_back(entry.key);
    return;
  }
  auto image = images_.get(entry.assignment.declared()->capsule.function);
  if (!image) {
    without_image(entry, decision, image.error());
    return;
  }
  auto admitted = admit(entry, decision, *std::move(image));
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
  if (!save(entry)) {
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
  runs_[run.run_id] = entry.key;
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

// The ceilings of the node, of the target and of the Capsule itself.
bool Caplet::has_room(const Entry& entry) const {
  const auto on_target = std::ranges::count_if(
      runs_, [&](const auto& run) { return run.second.second == entry.key.second; });
  const auto of_capsule = std::ranges::count_if(
      runs_, [&](const auto& run) { return run.second.first == entry.key.first; });
  const auto own = entry.assignment.declared()->capsule.max_runs_per_node;
  return runs_.size() < options_.max_runs_per_node &&
         static_cast<std::size_t>(on_target) < options_.max_runs_per_target &&
         (!own || static_cast<std::size_t>(of_capsule) < *own);
}

Result<capsule::Admitted> Caplet::admit(const Entry& entry, const Decision& decision,
                                        image::PreparedImage image) {
  const Declared& declared = *entry.assignment.declared();
  const kube::Capsule& capsule = declared.capsule;
  auto target = RECAP_TRY(targets::pin(entry.assignment.target()->target, options_.roots));
  auto run = RECAP_TRY(capsule::admit(request_of(capsule.function, capsule.end), std::move(target),
                                      std::move(image), options_.dirs));
  if (ceilings_ != nullptr) {
    RECAP_TRY(ceilings_->check(declared, *entry.assignment.target(), run));
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

// Where the run's artifacts go: STORE/CAPSULE/TARGET/RUN, made for it.
Result<linux::UniqueFd> Caplet::open_store(const Entry& entry, capsule::Admitted& run) {
  const std::string& name = entry.assignment.declared()->capsule.function.store;
  if (name.empty()) {
    return linux::UniqueFd();
  }
  const auto store = options_.stores.find(name);
  if (store == options_.stores.end()) {
    return Error(Kind::kInvalid, "this node has no store '" + name +
                                     "' for artifacts: add it "
                                     "with --store, or name another");
  }
  std::string path = store->second;
  for (const std::string& part :
       {folder_name(entry.key.first), folder_name(entry.key.second), run.run_id}) {
    path += "/" + part;
    Status made = linux::make_dir_at(linux::kCwd, path.c_str(), 0700);
    if (!made && made.error().kind() != Kind::kExists) {
      return std::move(made).context("the store of artifacts").error();
    }
  }
  capsule::OutPlace place = RECAP_TRY(capsule::open_out(path));
  run.out = place.mode;
  return std::move(place.descriptor);
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
  return saved.has_value();
}

}  // namespace recap::caplet
