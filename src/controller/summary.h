// SPDX-License-Identifier: Apache-2.0
// How a Capsule fares in the whole cluster, summed up from what its nodes say. No network here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace recap::controller {

// What one node says of one Capsule (CapsuleNode, status.capsules).
struct NodeShare {
  std::string capsule_uid;
  std::int64_t generation = 0;
  std::int64_t matched = 0, active = 0, succeeded = 0, failed = 0, skipped = 0, suppressed = 0;
  std::string last_scheduled;              // RFC 3339, as the others; compared as text
  std::string success_time, failure_time;  // of the endings below
  std::string success, failure;            // endings, as JSON
  struct Worst {
    std::int64_t failed = 0;
    std::string target;  // as JSON
  };
  std::vector<Worst> worst;
  std::string problem;
};

struct NodeView {
  std::string name;
  std::vector<NodeShare> shares;
  bool is_truncated = false;
};

NodeView node_view(const boost::json::object& capsule_node);

struct CapsuleView {
  std::string kind, ns, name, uid;
  std::int64_t generation = 0;
  std::string problem{};  // why it cannot be read; empty: it can
  // Its condition Accepted, as it is.
  std::int64_t told_generation = 0;
  std::string told_status{}, told_message{};

  [[nodiscard]] bool is_cluster() const { return ns.empty(); }
};

CapsuleView capsule_view(const boost::json::object& capsule, const char* kind);

struct NamedShare {
  const std::string* node;
  const NodeShare* share;
};

// CapsuleSummary's status, but lastUpdateTime. `truncated`: nodes that had no room for all of their
// Capsules, and do not name this one.
boost::json::object summary_of(const CapsuleView& capsule, const std::vector<NamedShare>& shares,
                               std::int64_t truncated);

// Why it is not accepted: what is wrong with it, or what the first node that has a problem says of
// this generation; empty: nothing.
std::string problem_of(const CapsuleView& capsule, const std::vector<NamedShare>& shares);

}  // namespace recap::controller
