// SPDX-License-Identifier: Apache-2.0
// When a run is looked at, and what is done then; how, is in runs_steps.cc.
#include "controller/runs.h"

#include <utility>

#include "kube/json.h"
#include "linux/process.h"
#include "service/log.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Status;
using std::chrono::milliseconds;

constexpr kube::BackoffLimits kRetry{.first = milliseconds(200), .max = milliseconds(30'000)};

void say_trouble(const base::Error& error) {
  service::log_warning("CapsuleRuns cannot be watched; none is bound or counted until they can",
                       {{"why", error.message()}});
}

}  // namespace

Runs::Story::Story(const kube::Executor& executor) : timer(executor), backoff(kRetry) {}

Runs::Runs(const kube::Client& client, service::Metrics& metrics)
    : client_(client),
      metrics_(metrics),
      runs_(
          client, {.collection = {kube::kCapsuleRuns}},
          [](const json::object& object) { return std::optional(run_view(object)); },
          [this](const kube::Change<RunView>& change) { on_change(change); }, say_trouble) {}

void Runs::start() { runs_.start(); }

void Runs::on_change(const kube::Change<RunView>& change) {
  using kube::ChangeType;
  if (change.type == ChangeType::kSynced) {
    service::log_info("CapsuleRuns were read", {{"count", runs_.size()}});
    runs_.each([this](std::string_view, const RunView& run) { look_at(run.story_key()); });
    return;
  }
  const RunView& run = *(change.now != nullptr ? change.now : change.before);
  const std::string story = run.story_key();
  if (run.is_part() && change.type == ChangeType::kDeleted) {
    std::set<std::string>& keys = parts_[story];
    keys.erase(run.key());
    if (keys.empty()) {
      parts_.erase(story);
    }
  } else if (run.is_part()) {
    parts_[story].insert(run.key());
  } else if (change.type == ChangeType::kDeleted || run.has_ended()) {
    stories_.erase(story);
  }
  if (change.now == nullptr || !run.node.empty()) {
    bound_.erase(run.uid);
  }
  if (runs_.synced()) {
    look_at(story);
  }
}

// One look at a time; what happens meanwhile is seen by the next.
void Runs::look_at(const std::string& key) {
  const RunView* run = runs_.find(key);
  if (run == nullptr || run->is_part() || run->is_deleted || run->has_ended()) {
    return;
  }
  Story& story = stories_.try_emplace(key, client_.executor()).first->second;
  story.is_due = true;
  if (!std::exchange(story.is_busy, true)) {
    story.is_due = false;
    kube::spawn<void>(
        client_.executor(), go_on(shared_from_this(), key),
        [self = shared_from_this(), key](const Status& looked) { self->on_looked(key, looked); });
  }
}

void Runs::on_looked(const std::string& key, const Status& looked) {
  const auto at = stories_.find(key);
  if (at == stories_.end()) {
    return;  // it has ended or was deleted
  }
  Story& story = at->second;
  story.is_busy = false;
  if (!looked) {
    service::log_warning("a CapsuleRun cannot be gone on with yet",
                         {{"capsuleRun", key}, {"why", looked.error().message()}});
    look_again(key, story.backoff.next(kube::Clock::now()));
  } else if (story.is_due) {
    look_at(key);
  }
}

void Runs::look_again(const std::string& key, milliseconds in) {
  const auto at = stories_.find(key);
  if (at == stories_.end()) {
    return;
  }
  Story& story = at->second;
  story.timer.expires_after(in);
  story.timer.async_wait(
      [weak = weak_from_this(), key](const boost::system::error_code& cancelled) {
        const Shared self = weak.lock();
        if (!cancelled && self != nullptr) {
          self->look_at(key);
        }
      });
}

kube::Task<void> Runs::go_on(Shared self, std::string key) {
  const RunView* found = self->runs_.find(key);
  if (found == nullptr || found->has_ended()) {
    co_return Status();
  }
  RunView run = *found;
  const Story* story = self->story_of(run);
  if (story == nullptr || story->is_over) {
    co_return Status();
  }
  if (story->chosen_s != 0) {  // the watch may not know yet
    run.chosen_s = story->chosen_s;
    run.total = story->total;
  }
  if (run.is_single()) {
    RECAP_AWAIT_OK(bind_single(self, std::move(run)));
  } else if (run.chosen_s == 0) {
    RECAP_AWAIT_OK(choose(self, std::move(run)));
  } else {
    RECAP_AWAIT_OK(advance(self, std::move(run)));
  }
  co_return Status();
}

// --- what is known ---

kube::Endpoint Runs::place_of(const RunView& run, const char* subresource) const {
  return {kube::kCapsuleRuns, run.ns, run.name, subresource};
}

Runs::Story* Runs::story_of(const RunView& run) {
  const auto at = stories_.find(run.key());
  return at == stories_.end() ? nullptr : &at->second;
}

std::vector<const RunView*> Runs::parts_of(const std::string& key) const {
  std::vector<const RunView*> parts;
  if (const auto keys = parts_.find(key); keys != parts_.end()) {
    for (const std::string& each : keys->second) {
      if (const RunView* part = runs_.find(each)) {
        parts.push_back(part);
      }
    }
  }
  return parts;
}

// Some of what was made is not seen yet. Not for ever: somebody may have deleted it at once.
bool Runs::waits_for_parts(const RunView& run) {
  constexpr std::int64_t kPatience = 10;  // seconds
  const std::string key = run.key();
  const auto there = static_cast<std::int64_t>(parts_of(key).size());
  const std::int64_t waited = linux::wall_clock_s() - run.chosen_s;
  if (there >= run.total || waited >= kPatience || waited < 0) {
    return false;
  }
  look_again(key, std::chrono::seconds(kPatience - waited));
  return true;
}

std::vector<RunView> Runs::next_to_bind(const RunView& run) {
  std::vector<RunView> next;
  std::size_t active = 0;
  const std::vector<const RunView*> parts = parts_of(run.key());
  const auto is_waiting = [&](const RunView* part) {
    return part->node.empty() && !part->has_ended() && !part->is_deleted &&
           !bound_.contains(part->uid);
  };
  for (const RunView* part : parts) {
    active += !part->has_ended() && !is_waiting(part) ? 1 : 0;
  }
  for (const RunView* part : parts) {
    if (is_waiting(part) && active + next.size() < run.parallelism) {
      next.push_back(*part);
    }
  }
  return next;
}

}  // namespace recap::controller
