// SPDX-License-Identifier: Apache-2.0
#include "controller/janitor.h"

#include <utility>

#include "controller/part.h"
#include "controller/pods.h"
#include "linux/process.h"
#include "service/log.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr seconds kRound{2};
constexpr seconds kSilence{60};
constexpr int kQuestions = 5;              // in a round
constexpr std::size_t kMostUnderWay = 64;  // deletions

}  // namespace

Janitor::Janitor(kube::Client client, std::shared_ptr<Runs> runs, service::Metrics& metrics)
    : client_(std::move(client)),
      runs_(std::move(runs)),
      metrics_(metrics),
      timer_(client_.executor()) {}

void Janitor::start() {
  timer_.expires_after(kRound);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      self->look_around();
      self->start();
    }
  });
}

void Janitor::look_around() {
  if (!runs_->is_synced()) {
    return;
  }
  const std::int64_t now_s = linux::wall_clock_s();
  std::map<std::string, Silence> before = std::exchange(silent_, {});
  const std::set<std::string> leaving = std::exchange(leaving_, {});
  questions_ = 0;
  runs_->watch().each([&](std::string_view, const RunView& run) {
    if (leaving.contains(run.uid)) {
      leaving_.insert(run.uid);
      return;
    }
    if (run.is_deleted) {
      return;
    }
    if (run.is_part()) {
      const RunView* whole = runs_->watch().find(run.story_key());
      if (whole == nullptr || whole->uid != run.part_of_uid) {
        remove(run, "orphan");
        return;
      }
    } else if (run.has_ended() && run.completed_s + run.ttl_s <= now_s) {
      remove(run, "ttl");
      return;
    }
    if (run.is_active()) {
      const auto known = before.find(run.uid);
      silent_[run.uid] = known != before.end() ? known->second : Silence{kube::Clock::now()};
      look_after(run);
    }
  });
}

void Janitor::remove(const RunView& run, const char* why) {
  if (under_way_ >= kMostUnderWay) {
    has_more_ = true;
    return;
  }
  leaving_.insert(run.uid);
  ++under_way_;
  const kube::Endpoint where{kube::kCapsuleRuns, run.ns, run.name};
  kube::DeleteOptions options;
  options.uid = run.uid;
  kube::spawn<void>(client_.executor(), client_.remove(where, options),
                    [self = shared_from_this(), why, key = run.key(),
                     uid = run.uid](const base::Status& removed) {
                      --self->under_way_;
                      if (removed) {
                        self->metrics_.add("recap_controller_deleted_total", {{"why", why}});
                      } else if (removed.error().kind() != base::Kind::kNotFound) {
                        self->leaving_.erase(uid);
                        service::log_warning(
                            "a CapsuleRun cannot be deleted yet",
                            {{"capsuleRun", key}, {"why", removed.error().message()}});
                      }
                      if (self->under_way_ == 0 && std::exchange(self->has_more_, false)) {
                        self->look_around();
                      }
                    });
}

// Its node has said nothing for a while: is the pod still there?
void Janitor::look_after(const RunView& run) {
  Silence& silence = silent_.at(run.uid);
  if (kube::Clock::now() >= silence.since + kSilence && questions_ < kQuestions) {
    ++questions_;
    silence.since = kube::Clock::now();
    ask_for_pod(run);
  }
}

void Janitor::ask_for_pod(const RunView& run) {
  kube::spawn<PodView>(client_.executor(), find_pod(client_, run.ns, run.pod),
                       [self = shared_from_this(), run](const base::Result<PodView>& pod) {
                         const auto silence = self->silent_.find(run.uid);
                         if (silence == self->silent_.end()) {
                           return;
                         }
                         const bool gone = pod ? pod->uid != run.pod_uid
                                               : pod.error().kind() == base::Kind::kNotFound;
                         if (gone && silence->second.was_gone) {
                           self->end_lost(run);
                         }
                         silence->second.was_gone = gone;
                       });
}

void Janitor::end_lost(const RunView& run) {
  const std::string message =
      "pod " + run.pod + " is gone, and node " + run.node + " does not say how the run ended";
  json::object status = failed_status(run, "TargetGone", message, linux::wall_clock_s());
  status["targets"] = json::object{{"total", 1}, {"active", 0}, {"failed", 1}};
  kube::spawn<void>(client_.executor(), Runs::write(runs_, run, std::move(status)),
                    [key = run.key()](const base::Status& written) {
                      service::log_warning(
                          "a run whose pod is gone was given up",
                          {{"capsuleRun", key}, {"why", written ? "" : written.error().message()}});
                    });
}

}  // namespace recap::controller
