// SPDX-License-Identifier: Apache-2.0
// The targets of this node as execution policies see them, and where they come from: an engine on
// this host (local_source.h), or the pods that the API server says run here (pod_source.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kube/kinds.h"
#include "targets/target.h"

namespace recap::caplet {

struct NodeTarget {
  std::string name;      // kept over a restart: "docker://web", "pod/shop/web-0/nginx@UID"
  std::string instance;  // of its present life: id and start time of its first process
  targets::Target target;
  kube::Labels labels;            // what selectors compare: the pod's, or the container's
  kube::Labels namespace_labels;  // with Kubernetes
  std::string pod_uid;            // with Kubernetes
  bool is_default_container = true;
  bool not_ready = false;  // the pod's Ready condition is false
  std::int64_t not_ready_since_s = 0;
};

class TargetSource {
 public:
  // The targets of now, each time something has changed. On the event loop's thread.
  using OnChange = std::function<void(std::vector<NodeTarget>)>;

  virtual ~TargetSource() = default;
  virtual void start(OnChange on_change) = 0;
};

// Whether a Capsule is for this target: labels, namespace, container.
bool is_for(const kube::Capsule& capsule, const NodeTarget& target);

}  // namespace recap::caplet
