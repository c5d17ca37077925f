// SPDX-License-Identifier: Apache-2.0
#include "caplet/pod_source.h"

#include <algorithm>
#include <utility>

#include "caplet/log.h"
#include "kube/json.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

constexpr milliseconds kJoinIn{20};  // changes come in bursts
constexpr seconds kAskAgain{300};
constexpr seconds kRetry{5};
constexpr const char* kDefaultContainer = "kubectl.kubernetes.io/default-container";

kube::Labels labels_in(const json::object& object, kube::Path path) {
  kube::Labels labels;
  if (const json::object* found = kube::object_at(object, path)) {
    for (const auto& member : *found) {
      if (const json::string* text = member.value().if_string()) {
        labels.emplace(member.key(), *text);
      }
    }
  }
  return labels;
}

// "containerd://HEX" → "HEX".
std::string without_scheme(std::string_view id) {
  const std::size_t at = id.find("://");
  return std::string(at == std::string_view::npos ? id : id.substr(at + 3));
}

void read_containers(const json::object& object, Pod& pod) {
  if (const json::array* statuses = kube::array_at(object, {"status", "containerStatuses"})) {
    for (const json::value& status : *statuses) {
      if (const json::object* each = status.if_object()) {
        pod.container_ids[std::string(kube::text_at(*each, {"name"}))] =
            without_scheme(kube::text_at(*each, {"containerID"}));
      }
    }
  }
  const json::array* containers = kube::array_at(object, {"spec", "containers"});
  if (containers != nullptr && !containers->empty() && containers->front().is_object()) {
    pod.default_container = kube::text_at(containers->front().get_object(), {"name"});
  }
  const kube::Labels annotations = labels_in(object, {"metadata", "annotations"});
  if (const auto named = annotations.find(kDefaultContainer); named != annotations.end()) {
    pod.default_container = named->second;
  }
}

void read_readiness(const json::object& object, Pod& pod) {
  const json::array* conditions = kube::array_at(object, {"status", "conditions"});
  if (conditions == nullptr) {
    return;
  }
  for (const json::value& condition : *conditions) {
    const json::object* each = condition.if_object();
    if (each != nullptr && kube::text_at(*each, {"type"}) == "Ready" &&
        kube::text_at(*each, {"status"}) == "False") {
      const auto since = kube::parse_time(kube::text_at(*each, {"lastTransitionTime"}));
      pod.not_ready_since_s = since.value_or(0) / 1'000'000'000;
    }
  }
}

kube::WatchOptions pods_of(const std::string& node) {
  kube::WatchOptions options{.collection = {kube::kPods}};
  options.field_selector = "spec.nodeName=" + node;
  return options;
}

std::string uid_of(const targets::Target& target) {
  for (const char* key : {"io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"}) {
    if (const auto label = target.labels.find(key); label != target.labels.end()) {
      return label->second;
    }
  }
  return "";
}

}  // namespace

std::optional<Pod> pod_of(const json::object& object) {
  Pod pod;
  pod.name = kube::text_at(object, {"metadata", "name"});
  pod.ns = kube::text_at(object, {"metadata", "namespace"});
  pod.uid = kube::text_at(object, {"metadata", "uid"});
  pod.labels = labels_in(object, {"metadata", "labels"});
  read_containers(object, pod);
  read_readiness(object, pod);
  return pod;
}

bool is_container_of(const targets::Target& target, const Pod& pod) {
  if (target.pod != pod.name || target.pod_namespace != pod.ns || target.container.empty()) {
    return false;
  }
  const auto known = pod.container_ids.find(target.container);
  return (known != pod.container_ids.end() && known->second == target.id) ||
         uid_of(target) == pod.uid;
}

json::object essence_of(const json::object& pod) {
  const kube::Meta meta = kube::meta_of(pod);
  json::object essence{{"metadata", json::object{{"name", meta.name},
                                                 {"namespace", meta.ns},
                                                 {"uid", meta.uid},
                                                 {"resourceVersion", meta.resource_version},
                                                 {"labels", json::object()},
                                                 {"annotations", json::object()}}},
                       {"spec", json::object{{"containers", json::array()}}},
                       {"status", json::object{{"containerStatuses", json::array()}}}};
  if (const json::value* labels = kube::value_at(pod, {"metadata", "labels"})) {
    essence["metadata"].as_object()["labels"] = *labels;
  }
  const Pod known = pod_of(pod).value_or(Pod());
  essence["metadata"].as_object()["annotations"].as_object()[kDefaultContainer] =
      known.default_container;
  json::array& statuses = essence["status"].as_object()["containerStatuses"].as_array();
  for (const auto& [name, id] : known.container_ids) {
    statuses.push_back(json::object{{"name", name}, {"containerID", id}});
  }
  if (const json::value* conditions = kube::value_at(pod, {"status", "conditions"})) {
    essence["status"].as_object()["conditions"] = *conditions;
  }
  return essence;
}

PodSource::PodSource(boost::asio::io_context& loop, kube::Client client, const std::string& node,
                     TargetSource& containers, const capsule::Dirs& dirs)
    : client_(client),
      containers_(containers),
      pods_(
          std::move(client), pods_of(node), ObjectCache(dirs, kube::kPods.plural), pod_of,
          [this] { join_soon(); },
          [](const base::Error& error) {
            log_warning("the pods of this node cannot be watched", {{"why", error.message()}});
          },
          essence_of),
      cached_namespaces_(dirs, kube::kNamespaces.plural),
      timer_(loop),
      again_(loop) {}

void PodSource::start(OnChange on_change) {
  on_change_ = std::move(on_change);
  containers_.start([this](std::vector<NodeTarget> here) {
    here_ = std::move(here);
    containers_seen_ = true;
    join_soon();
  });
  pods_.start();
}

void PodSource::join_soon() {
  if (!std::exchange(is_due_, true)) {
    timer_.expires_after(kJoinIn);
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) {
        is_due_ = false;
        join();
      }
    });
  }
}

void PodSource::join() {
  if (!containers_seen_ || !pods_.synced()) {
    return;
  }
  std::vector<NodeTarget> joined;
  for (const NodeTarget& container : here_) {
    const targets::Target& target = container.target;
    const Pod* pod = pods_.find(target.pod_namespace + "/" + target.pod);
    if (pod == nullptr || !is_container_of(target, *pod)) {
      continue;
    }
    want_namespace(pod->ns);
    const auto& namespace_labels = namespaces_[pod->ns].labels;
    if (!namespace_labels) {
      continue;
    }
    NodeTarget& node = joined.emplace_back(container);
    node.name = "pod/" + pod->ns + "/" + pod->name + "/" + target.container + "@" + pod->uid;
    node.labels = pod->labels;
    node.namespace_labels = *namespace_labels;
    node.pod_uid = pod->uid;
    node.is_default_container = target.container == pod->default_container;
    node.not_ready = pod->not_ready_since_s.has_value();
    node.not_ready_since_s = pod->not_ready_since_s.value_or(0);
  }
  on_change_(std::move(joined));
}

void PodSource::join_again(milliseconds in) {
  again_.expires_after(in);
  again_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      join_soon();
    }
  });
}

void PodSource::want_namespace(const std::string& ns) {
  Namespace& space = namespaces_[ns];
  const Uptime now = BootClock::now();
  if (space.asked && now < *space.asked + kAskAgain) {
    return;
  }
  space.asked = now;
  kube::spawn<json::object>(
      client_.executor(), client_.get({kube::kNamespaces, "", ns}),
      [this, ns](const base::Result<json::object>& answer) { take_namespace(ns, answer); });
}

void PodSource::take_namespace(const std::string& ns, const base::Result<json::object>& answer) {
  Namespace& space = namespaces_[ns];
  std::optional<json::object> object;
  if (answer) {
    object = *answer;
    cached_namespaces_.put(*object);
  } else {
    space.asked.reset();
    join_again(kRetry);
    log_warning("the labels of a namespace cannot be read",
                {{"namespace", ns}, {"why", answer.error().message()}});
    object = space.labels ? std::nullopt : cached_namespaces_.find(ns);
  }
  if (!object) {
    return;
  }
  kube::Labels labels = labels_in(*object, {"metadata", "labels"});
  if (labels != space.labels) {
    space.labels = std::move(labels);
    join_soon();
  }
}

}  // namespace recap::caplet
