// SPDX-License-Identifier: Apache-2.0
#include "caplet/node_target.h"

namespace recap::caplet {
namespace {

bool is_its_namespace(const kube::Capsule& capsule, const NodeTarget& target) {
  if (target.pod_uid.empty()) {
    return true;  // without Kubernetes there are no namespaces
  }
  return capsule.cluster ? capsule.namespaces.matches(target.namespace_labels)
                         : capsule.meta.ns == target.target.pod_namespace;
}

bool is_its_container(const kube::Capsule& capsule, const NodeTarget& target) {
  if (capsule.container.empty()) {
    return target.is_default_container;
  }
  const std::string& container = target.target.container;
  return capsule.container == (container.empty() ? target.target.name : container);
}

}  // namespace

bool is_for(const kube::Capsule& capsule, const NodeTarget& target) {
  return is_its_namespace(capsule, target) && is_its_container(capsule, target) &&
         capsule.selector.matches(target.labels);
}

}  // namespace recap::caplet
