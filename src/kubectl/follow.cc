// SPDX-License-Identifier: Apache-2.0
#include "kubectl/follow.h"

#include <chrono>
#include <memory>
#include <optional>
#include <set>

#include <boost/asio/steady_timer.hpp>

#include "console/output.h"
#include "kube/status.h"
#include "kube/watch.h"
#include "kubectl/run_state.h"
#include "kubectl/show.h"

namespace recap::kubectl {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using Change = kube::Change<RunState>;
using Watch = kube::Watch<RunState>;

constexpr std::chrono::seconds kSayWhatHinders{5};
// The parts and their sum are watched apart, so the sum may be seen first.
constexpr std::chrono::seconds kWaitForParts{3};
constexpr int kSignalled = 128;

std::optional<RunState> project(const boost::json::object& object) { return run_state_of(object); }

class Follower {
 public:
  Follower(Cluster& cluster, const Followed& what)
      : cluster_(cluster),
        what_(what),
        run_(
            cluster.client(), of_field("metadata.name=" + what.name), project,
            [this](const Change& change) { on_run(change); },
            [this](const Error& error) { on_trouble(error); }),
        hint_(cluster.loop()),
        parts_in_(cluster.loop()) {}

  Result<int> wait() {
    run_.start();
    hint_.expires_after(kSayWhatHinders);
    hint_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) {
        say_what_hinders();
      }
    });
    if (what_.ends != nullptr) {
      what_.ends->on_signal([this](int signal) { on_signal(signal); });
    }
    while (!end_) {
      cluster_.loop().run_one();
    }
    if (what_.ends != nullptr) {
      what_.ends->on_signal([](int) {});
    }
    return *std::move(end_);
  }

 private:
  kube::WatchOptions of_field(std::string selector) const {
    kube::WatchOptions options{.collection = cluster_.runs()};
    options.field_selector = std::move(selector);
    return options;
  }

  void finish(Result<int> end) {
    if (!end_) {
      end_ = std::move(end);
    }
  }

  void on_run(const Change& change) {
    if (change.now != nullptr) {
      now_ = *change.now;
      go_on();
    } else if (change.type == kube::ChangeType::kDeleted) {
      finish(signal_ != 0 ? Result<int>(kSignalled + signal_)
                          : Error(Kind::kGone,
                                  base::concat<200>("somebody has deleted the run ", what_.name)));
    } else if (!now_) {
      finish(signal_ != 0 ? Result<int>(kSignalled + signal_) : absent());
    }
  }

  [[nodiscard]] Error absent() const {
    return {Kind::kNotFound, base::concat<300>("there is no run ", what_.name, " in namespace ",
                                               cluster_.ns(), ": see `kubectl recap ps -a`")};
  }

  void go_on() {
    if (now_->has_parts) {
      watch_parts();
    }
    if (!now_->has_ended() || signal_ != 0) {
      return;
    }
    if (!now_->has_parts) {
      show_results(*now_);
      finish(exit_code_of(*now_));
    } else if (!finish_with_parts()) {
      parts_in_.expires_after(kWaitForParts);
      parts_in_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) {
          sum_up();
        }
      });
    }
  }

  void watch_parts() {
    if (parts_) {
      return;
    }
    kube::WatchOptions options{.collection = cluster_.runs()};
    options.label_selector = "recap.dev/run=" + what_.name;
    parts_.emplace(
        cluster_.client(), options, project, [this](const Change& change) { on_part(change); },
        [this](const Error& error) { on_trouble(error); });
    parts_->start();
  }

  void on_part(const Change& change) {
    if (change.now != nullptr && change.now->has_ended() &&
        shown_.insert(change.now->name).second) {
      show_results(*change.now);
    }
    if (now_->has_ended() && signal_ == 0) {
      finish_with_parts();
    }
  }

  bool finish_with_parts() {
    bool all = parts_->synced();
    parts_->each([&](std::string_view, const RunState& part) { all = all && part.has_ended(); });
    if (all) {
      sum_up();
    }
    return all;
  }

  void sum_up() {
    if (end_) {
      return;
    }
    if (!now_->message.empty() && now_->phase != "Succeeded") {
      console::complain(what_.verb, now_->message);
    }
    if (!what_.quiet) {
      console::complain(what_.verb, std::to_string(now_->succeeded) + " of " +
                                        std::to_string(now_->total) + " succeeded, " +
                                        std::to_string(now_->failed) + " failed, " +
                                        std::to_string(now_->skipped) + " skipped");
    }
    finish(exit_code_of(*now_));
  }

  void show_results(const RunState& run) {
    const Shown how{.verb = what_.verb, .with_prefix = run.is_part, .quiet = what_.quiet};
    for (const TargetResult& result : run.results) {
      if (auto shown = show(result, how); !shown) {
        finish(std::move(shown).error());
      }
    }
    if (run.results.empty() && !run.message.empty() && run.phase == "Failed") {
      console::complain(what_.verb, run.message);
    }
  }

  // What another attempt cannot mend ends it; else the watch tries again by itself.
  void on_trouble(const Error& error) {
    if (error.kind() == Kind::kDenied || kube::api_code(error) == 404) {
      finish(error);
    } else if (!what_.quiet && !std::exchange(said_trouble_, true)) {
      console::complain(what_.verb, std::string(error.message()) + "; trying again");
    }
  }

  void on_signal(int signal) {
    if (std::exchange(signal_, signal) != 0) {
      finish(Error(
          Kind::kBusy,
          base::concat<300>("left before the run was gone: kubectl recap stop ", what_.name)));
      return;
    }
    kube::DeleteOptions options;
    options.uid = what_.uid;
    // Waits for the parts, too, where there are any.
    options.propagation = now_ && now_->has_parts ? "Foreground" : "";
    if (!what_.quiet) {
      console::complain(what_.verb, "ending the run " + what_.name);
    }
    kube::spawn<void>(
        cluster_.client().executor(), cluster_.client().remove(cluster_.run(what_.name), options),
        [this, alive = std::weak_ptr(alive_)](const base::Status& removed) {
          if (!alive.expired() && !removed && removed.error().kind() != Kind::kNotFound) {
            finish(removed.error());
          }
        });
  }

  void say_what_hinders() {
    if (what_.quiet || !now_ || signal_ != 0 || (now_->phase != "" && now_->phase != "Pending")) {
      return;
    }
    console::complain(
        what_.verb, now_->is_bound
                        ? "waiting: " + (now_->node.empty() ? "no target" : "node " + now_->node) +
                              " has not started it yet; its Caplet may be away, or fetch the image"
                        : "waiting: no recap-controller has bound the run to a node yet (kubectl "
                          "get deployment "
                          "recap-controller -n recap-system)");
  }

  Cluster& cluster_;
  const Followed& what_;
  std::optional<RunState> now_;
  std::optional<Result<int>> end_;
  std::set<std::string> shown_;  // parts
  bool said_trouble_ = false;
  int signal_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // an answer may come after our end
  Watch run_;
  std::optional<Watch> parts_;
  boost::asio::steady_timer hint_, parts_in_;
};

}  // namespace

Result<int> follow(Cluster& cluster, const Followed& what) {
  return Follower(cluster, what).wait();
}

}  // namespace recap::kubectl
