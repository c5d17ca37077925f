// SPDX-License-Identifier: Apache-2.0
// This node's CapsuleNode: made when the Caplet starts, owned by the Node, and its status written
// every five minutes (at a second of the node's own, so that a fleet does not write at once,
// whenever its Caplets were started), or within half a minute after something has failed. Bounded:
// 128 Capsules, the rest is a number.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "caplet/caplet.h"
#include "caplet/kube_reporter.h"
#include "kube/client.h"

namespace recap::caplet {

class NodeStatus {
 public:
  NodeStatus(boost::asio::io_context& loop, kube::Client client, std::string node,
             const Caplet& caplet, const KubeReporter& reporter);
  void start();

 private:
  void find_node();
  void make(const std::string& node_uid);
  void write();
  void look_in(std::chrono::seconds time);
  void look_again();

  kube::Client client_;
  std::string node_;
  const Caplet& caplet_;
  const KubeReporter& reporter_;
  boost::asio::steady_timer timer_;
  std::uint64_t written_failures_ = 0;
  std::int64_t written_round_ = 0;  // 0: not yet
};

// Rounds of five minutes begin at a second of the node's own; looks are each half minute of them.
// Both by the wall clock, in seconds since 1970.
std::int64_t status_round(std::string_view node, std::int64_t now_s);
std::chrono::seconds until_next_look(std::string_view node, std::int64_t now_s);

// The status as it is now.
boost::json::object node_status(const std::vector<CapsuleCounts>& counts,
                                const std::map<std::string, LastEndings>& endings);

}  // namespace recap::caplet
