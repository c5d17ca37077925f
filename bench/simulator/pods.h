// SPDX-License-Identifier: Apache-2.0
// What the runtimes of a fleet's nodes would know: every pod of the cluster that is bound to a node
// has its container running there. All of them are one and the same process, which lives.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "caplet/node_target.h"
#include "kube/client.h"
#include "kube/watch.h"

namespace recap::simulator {

// The containers of one node.
class NodeContainers : public caplet::TargetSource {
 public:
  void start(OnChange on_change) override;

  void put(const std::string& pod, const caplet::NodeTarget& target);
  void erase(const std::string& pod);

 private:
  void tell() const;

  OnChange on_change_;
  std::map<std::string, caplet::NodeTarget> targets_;  // by "namespace/name"
};

class FleetPods {
 public:
  // `pid`: the process that stands for every container.
  FleetPods(kube::Client client, std::uint32_t pid);
  void start() { watch_.start(); }

  NodeContainers& on(const std::string& node) { return nodes_[node]; }

 private:
  struct Placed {
    std::string node;
    caplet::NodeTarget target;
  };
  void take(const kube::Change<Placed>& change);

  std::map<std::string, NodeContainers> nodes_;
  kube::Watch<Placed> watch_;
};

}  // namespace recap::simulator
