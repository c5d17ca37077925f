// SPDX-License-Identifier: Apache-2.0
// Writes how Capsules fare: a CapsuleSummary for each, from the CapsuleNodes, at most every half
// minute; and the condition Accepted into the Capsule itself, once for each generation, for every
// Caplet watches Capsules.
//
// One thread, the executor's. Only the leader has one of these.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "controller/summary.h"
#include "kube/client.h"
#include "kube/pace.h"
#include "kube/watch.h"

namespace recap::controller {

class Summaries : public std::enable_shared_from_this<Summaries> {
 public:
  // `ns`: where the summaries of ClusterCapsules are.
  Summaries(const kube::Client& client, std::string ns);
  void start();

 private:
  using Shared = std::shared_ptr<Summaries>;
  struct Told {
    std::string text;  // the summary that was written last
    kube::Clock::time_point at{};
    bool is_busy = false;
    bool is_made = false;     // the object is there, with its owner
    bool is_current = false;  // as condition Current says, and since when
    std::int64_t since_s = 0;
  };

  void look_around();
  void sum_up(const CapsuleView& capsule, std::int64_t truncated_nodes);
  boost::json::object current_condition(const CapsuleView& capsule, bool is_current);
  void write(const CapsuleView& capsule, boost::json::object status);
  void accept(const CapsuleView& capsule, const std::string& problem);
  static kube::Task<void> write_summary(Shared self, CapsuleView capsule,
                                        boost::json::object status, bool is_made);
  kube::Watch<CapsuleView> capsules_of(const kube::Resource& resource, const char* kind);

  kube::Client client_;
  std::string ns_;
  boost::asio::steady_timer timer_;
  bool is_changed_ = false;
  std::map<std::string, std::vector<NamedShare>> shares_;  // of this look around, by Capsule's uid
  std::map<std::string, Told> told_;                       // by the Capsule's uid
  kube::Watch<CapsuleView> capsules_, cluster_capsules_;
  kube::Watch<NodeView> nodes_;
};

}  // namespace recap::controller
