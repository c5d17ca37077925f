// SPDX-License-Identifier: Apache-2.0
// The containers of this node's pods: what the API server says of the pods (labels, readiness,
// which container is the default), joined with what the node itself knows of their containers
// (process, state). A container that only one of the two knows is no target yet.
//
// Static pods are seen through their mirror pods. Labels of namespaces are asked for one by one,
// when a pod of it is here, and kept for five minutes; until they are known, its pods are no
// targets. While the API server is away, what was known before holds.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/cached_watch.h"
#include "caplet/node_target.h"
#include "caplet/object_cache.h"
#include "caplet/time.h"
#include "capsule/dirs.h"

namespace recap::caplet {

// Of a pod what the Caplet needs.
struct Pod {
  std::string name, ns, uid;
  kube::Labels labels;
  std::string default_container;
  std::map<std::string, std::string> container_ids;  // by the container's name
  std::optional<std::int64_t> not_ready_since_s;
};
std::optional<Pod> pod_of(const boost::json::object& object);
// The part of a pod's object that pod_of() reads: what else is in it need not be on disk.
boost::json::object essence_of(const boost::json::object& pod);

// The pod's container that a target of this node is, if it is one: by its id, or, while the status
// does not have that yet, by its names and the pod's uid.
bool is_container_of(const targets::Target& target, const Pod& pod);

class PodSource : public TargetSource {
 public:
  PodSource(boost::asio::io_context& loop, kube::Client client, const std::string& node,
            TargetSource& containers, const capsule::Dirs& dirs);
  void start(OnChange on_change) override;

  [[nodiscard]] bool connected() const { return pods_.connected(); }

 private:
  void join();
  void join_soon();
  void join_again(milliseconds in);
  void want_namespace(const std::string& ns);
  void take_namespace(const std::string& ns, const base::Result<boost::json::object>& answer);

  struct Namespace {
    std::optional<kube::Labels> labels;
    std::optional<Uptime> asked;
  };

  kube::Client client_;
  TargetSource& containers_;
  CachedWatch<Pod> pods_;
  ObjectCache cached_namespaces_;
  boost::asio::steady_timer timer_, again_;
  OnChange on_change_;
  std::vector<NodeTarget> here_;  // what the node knows
  std::map<std::string, Namespace> namespaces_;
  bool containers_seen_ = false, is_due_ = false;
};

}  // namespace recap::caplet
