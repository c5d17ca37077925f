// SPDX-License-Identifier: Apache-2.0
// Ends what nobody else ends: deletes CapsuleRuns whose time after their end is over, and parts
// whose run is gone; and says of a run whose node has fallen silent that its pod is gone.
//
// Deletions have a client, and so a pace, of their own: ten thousand stale runs hold up no other.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "controller/runs.h"
#include "kube/client.h"
#include "kube/pace.h"
#include "service/metrics.h"

namespace recap::controller {

class Janitor : public std::enable_shared_from_this<Janitor> {
 public:
  Janitor(kube::Client client, std::shared_ptr<Runs> runs, service::Metrics& metrics);
  void start();

 private:
  struct Silence {
    kube::Clock::time_point since;  // when it was looked at last
    bool was_gone = false;          // and its pod was not there
  };

  void look_around();
  void remove(const RunView& run, const char* why);
  void look_after(const RunView& run);
  void ask_for_pod(const RunView& run);
  void end_lost(const RunView& run);

  kube::Client client_;
  std::shared_ptr<Runs> runs_;
  service::Metrics& metrics_;
  boost::asio::steady_timer timer_;
  std::set<std::string> leaving_;          // uids of what was deleted and is seen still
  std::size_t under_way_ = 0;              // deletions
  bool has_more_ = false;                  // to delete than is allowed at once
  std::map<std::string, Silence> silent_;  // active runs, by uid
  int questions_ = 0;                      // of this round
};

}  // namespace recap::controller
