// SPDX-License-Identifier: Apache-2.0
// This node's CapsuleNode: made when the Caplet starts, owned by the Node, and its status written
// every five minutes (at a time of the node's own, so that a fleet does not write at once), or half
// a minute after something has failed. Bounded: 128 Capsules, the rest is a number.
#pragma once

#include <map>
#include <string>

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
  void write_in(std::chrono::seconds time);

  kube::Client client_;
  std::string node_;
  const Caplet& caplet_;
  const KubeReporter& reporter_;
  boost::asio::steady_timer timer_;
  std::uint64_t written_failures_ = 0;
  std::chrono::seconds since_written_{0};
};

// The status as it is now.
boost::json::object node_status(const std::vector<CapsuleCounts>& counts,
                                const std::map<std::string, LastEndings>& endings);

}  // namespace recap::caplet
