// SPDX-License-Identifier: Apache-2.0
// Runs that are bound to a node which does not answer. What no Caplet takes up says so in its
// condition Waiting, and is given up after `lost_after`. The finalizer of one that is deleted is
// taken off when there has been no Node of that name for so long: nothing of the run is left then.
//
// That a Caplet has taken a run up shows in that finalizer (caplet/escape_finalizer.h). What has it
// may have started, and is not given up here.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "controller/runs.h"
#include "kube/client.h"
#include "kube/pace.h"

namespace recap::controller {

class Stranded : public std::enable_shared_from_this<Stranded> {
 public:
  Stranded(kube::Client client, std::shared_ptr<Runs> runs, std::chrono::milliseconds lost_after);
  void start();

 private:
  using Shared = std::shared_ptr<Stranded>;
  using Time = kube::Clock::time_point;
  struct Node {
    Time asked_at{};
    std::optional<Time> gone_since;  // since when there was none, each time that it was asked for
  };

  void look_around();
  void look_at(const RunView& run);
  [[nodiscard]] bool is_gone(const std::string& node);
  void ask_for(const std::string& node);
  void say_that_it_waits(const RunView& run);
  void write(const RunView& run, boost::json::object status, const char* what);
  void release(const RunView& run);
  static kube::Task<void> take_finalizer_off(Shared self, RunView run);

  kube::Client client_;
  std::shared_ptr<Runs> runs_;
  std::chrono::milliseconds lost_after_;
  boost::asio::steady_timer timer_;
  std::map<std::string, Time> waiting_;  // what no Caplet has taken up, by uid: since when
  std::map<std::string, Node> nodes_;    // of runs that are deleted
  std::set<std::string> under_way_;      // uids
};

}  // namespace recap::controller
