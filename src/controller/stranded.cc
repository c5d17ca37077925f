// SPDX-License-Identifier: Apache-2.0
#include "controller/stranded.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

#include "controller/part.h"
#include "kube/condition.h"
#include "kube/finalizer.h"
#include "kube/kinds_parse.h"
#include "kube/status.h"
#include "linux/process.h"
#include "service/log.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kRound{2};
constexpr seconds kTakenUpIn{5};  // by a Caplet that lives; mostly at once
constexpr seconds kBetweenAsked{5};

std::string sentence(const RunView& run) {
  return "no Caplet of node " + run.node + " has taken it up: is the Caplet's pod running there?";
}

// What became of a write; of one that failed the next round tries again.
void tell(const Status& done, const char* what, const std::string& key, const std::string& node) {
  if (done) {
    service::log_info(what, {{"capsuleRun", key}, {"node", node}});
  } else {
    service::log_warning("what waits for a node that does not answer could not be written",
                         {{"capsuleRun", key}, {"node", node}, {"why", done.error().message()}});
  }
}

}  // namespace

Stranded::Stranded(kube::Client client, std::shared_ptr<Runs> runs, milliseconds lost_after)
    : client_(std::move(client)),
      runs_(std::move(runs)),
      lost_after_(lost_after),
      timer_(client_.executor()) {}

void Stranded::start() {
  timer_.expires_after(kRound);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      self->look_around();
      self->start();
    }
  });
}

void Stranded::look_around() {
  if (!runs_->is_synced()) {
    return;
  }
  const std::map<std::string, Time> before = std::exchange(waiting_, {});
  const std::map<std::string, Node> known = std::exchange(nodes_, {});
  runs_->watch().each([&](std::string_view, const RunView& run) {
    if (run.node.empty()) {
      return;
    }
    if (run.is_deleted && run.is_taken_up) {
      const auto node = known.find(run.node);
      nodes_.emplace(run.node, node != known.end() ? node->second : Node());
    } else if (run.is_active() && !run.is_taken_up && run.started_s == 0) {
      const auto since = before.find(run.uid);
      waiting_.emplace(run.uid, since != before.end() ? since->second : kube::Clock::now());
    }
    if (!under_way_.contains(run.uid)) {
      look_at(run);
    }
  });
}

void Stranded::look_at(const RunView& run) {
  if (run.is_deleted) {
    if (run.is_taken_up && is_gone(run.node)) {
      release(run);
    }
    return;
  }
  const auto since = waiting_.find(run.uid);
  if (since == waiting_.end()) {
    if (run.is_waiting) {
      write(run, {}, "a run waits no more: its node's Caplet has taken it up");
    }
    return;
  }
  const auto waited = kube::Clock::now() - since->second;
  if (waited >= lost_after_) {
    json::object status = failed_status(run, "NoCaplet", sentence(run), linux::wall_clock_s());
    status["targets"] = json::object{{"total", 1}, {"active", 0}, {"failed", 1}};
    write(run, std::move(status), "a run that no Caplet has taken up was given up");
  } else if (waited >= kTakenUpIn && !run.is_waiting) {
    say_that_it_waits(run);
  }
}

void Stranded::say_that_it_waits(const RunView& run) {
  json::object condition =
      kube::condition(kWaiting, true, "NoCaplet", sentence(run), run.generation);
  write(run, {{"conditions", json::array{std::move(condition)}}},
        "a run waits: no Caplet of its node has taken it up");
}

void Stranded::write(const RunView& run, json::object status, const char* what) {
  under_way_.insert(run.uid);
  kube::spawn<void>(client_.executor(), Runs::write(runs_, run, std::move(status)),
                    [self = shared_from_this(), what, uid = run.uid, key = run.key(),
                     node = run.node](const Status& written) {
                      self->under_way_.erase(uid);
                      tell(written, what, key, node);
                    });
}

// --- nodes that are gone for good ---

bool Stranded::is_gone(const std::string& name) {
  Node& node = nodes_.at(name);
  const Time now = kube::Clock::now();
  if (now >= node.asked_at + kBetweenAsked) {
    node.asked_at = now;
    ask_for(name);
  }
  return node.gone_since && now >= *node.gone_since + lost_after_;
}

void Stranded::ask_for(const std::string& name) {
  const kube::Endpoint where{kube::kNodes, "", name};
  kube::spawn<json::object>(
      client_.executor(), client_.get(where),
      [self = shared_from_this(), name](const base::Result<json::object>& found) {
        const auto node = self->nodes_.find(name);
        if (node == self->nodes_.end()) {
          return;
        }
        const bool is_absent = !found && found.error().kind() == base::Kind::kNotFound;
        std::optional<Time>& since = node->second.gone_since;
        since = is_absent ? std::optional(since.value_or(kube::Clock::now())) : std::nullopt;
      });
}

void Stranded::release(const RunView& run) {
  under_way_.insert(run.uid);
  kube::spawn<void>(
      client_.executor(), take_finalizer_off(shared_from_this(), run),
      [self = shared_from_this(), uid = run.uid, key = run.key(), node = run.node](Status done) {
        self->under_way_.erase(uid);
        tell(done, "the node of a deleted run is gone for good: its object may go", key, node);
      });
}

kube::Task<void> Stranded::take_finalizer_off(Shared self, RunView run) {
  const kube::Endpoint where{kube::kCapsuleRuns, run.ns, run.name};
  auto getting = self->client_.get(where);
  auto object = co_await std::move(getting);
  if (!object) {
    co_return object.error().kind() == base::Kind::kNotFound ? Status() : Status(object.error());
  }
  const auto read = kube::parse_capsule_run(*std::move(object), kube::Origin::kApiServer);
  if (!read) {
    co_return read.error();
  }
  if (read->meta.uid == run.uid && kube::has_finalizer(read->meta, kube::kEscapeFinalizer)) {
    const json::object patch = kube::finalizer_patch(read->meta, kube::kEscapeFinalizer, false);
    RECAP_AWAIT_OK(self->client_.merge_patch(where, patch));
  }
  co_return Status();
}

}  // namespace recap::controller
