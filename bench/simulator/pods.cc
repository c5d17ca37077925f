// SPDX-License-Identifier: Apache-2.0
#include "pods.h"

#include <optional>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "caplet/log.h"
#include "kube/json.h"

namespace recap::simulator {
namespace {

namespace json = boost::json;

std::string first_container(const json::object& pod) {
  const json::value* containers = kube::value_at(pod, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array() || containers->as_array().empty() ||
      !containers->as_array().front().is_object()) {
    return {};
  }
  return std::string(kube::text_at(containers->as_array().front().as_object(), {"name"}));
}

caplet::NodeTarget target_of(const json::object& pod, std::uint32_t pid) {
  const kube::Meta meta = kube::meta_of(pod);
  caplet::NodeTarget node;
  node.instance = meta.uid;
  node.target.runtime = "simulated";
  node.target.name = meta.ns + "/" + meta.name;
  node.target.pod = meta.name;
  node.target.pod_namespace = meta.ns;
  node.target.container = first_container(pod);
  node.target.labels.emplace("io.kubernetes.pod.uid", meta.uid);
  node.target.pid = pid;
  return node;
}

}  // namespace

void NodeContainers::start(OnChange on_change) {
  on_change_ = std::move(on_change);
  tell();
}

void NodeContainers::put(const std::string& pod, const caplet::NodeTarget& target) {
  if (targets_.try_emplace(pod, target).second) {
    tell();
  }
}

void NodeContainers::erase(const std::string& pod) {
  if (targets_.erase(pod) != 0) {
    tell();
  }
}

void NodeContainers::tell() const {
  if (!on_change_) {
    return;
  }
  std::vector<caplet::NodeTarget> now;
  for (const auto& [pod, target] : targets_) {
    now.push_back(target);
  }
  on_change_(std::move(now));
}

FleetPods::FleetPods(kube::Client client, std::uint32_t pid)
    : watch_(
          std::move(client), {.collection = {kube::kPods}},
          [pid](const json::object& pod) -> std::optional<Placed> {
            std::string node(kube::text_at(pod, {"spec", "nodeName"}));
            return node.empty() ? std::nullopt
                                : std::optional(Placed{std::move(node), target_of(pod, pid)});
          },
          [this](const kube::Change<Placed>& change) { take(change); },
          [](const base::Error& error) {
            caplet::log_warning("simulator: the fleet's pods cannot be watched",
                                {{"why", error.message()}});
          }) {}

void FleetPods::take(const kube::Change<Placed>& change) {
  const std::string pod(change.key);
  if (change.type == kube::ChangeType::kAdded) {
    on(change.now->node).put(pod, change.now->target);
  } else if (change.type == kube::ChangeType::kDeleted) {
    on(change.before->node).erase(pod);
  }
}

}  // namespace recap::simulator
