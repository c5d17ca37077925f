// SPDX-License-Identifier: Apache-2.0
#include "controller/pods.h"

#include <memory>
#include <utility>

#include "kube/json.h"
#include "kube/kinds_parse.h"
#include "kube/status.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Error;
using base::Kind;

void add(kube::LabelSelector& to, const kube::LabelSelector& more) {
  to.requirements.insert(to.requirements.end(), more.requirements.begin(), more.requirements.end());
}

std::string values_text(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    text += (text.empty() ? "" : ",") + value;
  }
  return "(" + text + ")";
}

kube::Task<kube::Capsule> find_capsule(kube::Client client, kube::CapsuleReference reference,
                                       std::string ns) {
  kube::Endpoint where;
  where.resource = reference.cluster ? kube::kClusterCapsules : kube::kCapsules;
  where.ns = reference.cluster ? "" : ns;
  where.name = reference.name;
  auto asking = client.get(where);
  auto object = co_await std::move(asking);
  if (!object && object.error().kind() == Kind::kNotFound) {
    const std::string kind = reference.cluster ? "ClusterCapsule " : "Capsule ";
    co_return Error(Kind::kNotFound,
                    "there is no " + kind + reference.name + " for spec.capsuleRef");
  }
  if (!object) {
    co_return object.error();
  }
  co_return kube::parse_capsule(json::value(*std::move(object)), kube::Origin::kApiServer);
}

kube::Task<bool> matches_namespace(kube::Client client, kube::LabelSelector selector,
                                   std::string ns) {
  kube::Endpoint where;
  where.resource = kube::kNamespaces;
  where.name = ns;
  RECAP_AWAIT(const json::object object, client.get(where));
  co_return selector.matches(labels_of(object));
}

}  // namespace

kube::Labels labels_of(const json::object& object) {
  kube::Labels labels;
  if (const json::object* found = kube::object_at(object, {"metadata", "labels"})) {
    for (const auto& member : *found) {
      if (const json::string* text = member.value().if_string()) {
        labels.emplace(member.key(), *text);
      }
    }
  }
  return labels;
}

PodView pod_view(const json::object& pod) {
  PodView view{.name = std::string(kube::text_at(pod, {"metadata", "name"})),
               .uid = std::string(kube::text_at(pod, {"metadata", "uid"})),
               .node = std::string(kube::text_at(pod, {"spec", "nodeName"})),
               .labels = labels_of(pod),
               .problem = ""};
  const std::string_view phase = kube::text_at(pod, {"status", "phase"});
  if (!kube::text_at(pod, {"metadata", "deletionTimestamp"}).empty()) {
    view.problem = "is being deleted";
  } else if (view.node.empty()) {
    view.problem = "is not scheduled to a node yet";
  } else if (phase == "Succeeded" || phase == "Failed") {
    view.problem = "has ended";
  } else if (phase == "Pending") {
    view.problem = "has not started yet";
  }
  return view;
}

std::string selector_text(const kube::LabelSelector& selector) {
  using Operator = kube::LabelRequirement::Operator;
  std::string text;
  for (const kube::LabelRequirement& each : selector.requirements) {
    text += text.empty() ? "" : ",";
    switch (each.op) {
      case Operator::kIn:
        text += each.key + " in " + values_text(each.values);
        break;
      case Operator::kNotIn:
        text += each.key + " notin " + values_text(each.values);
        break;
      case Operator::kExists:
        text += each.key;
        break;
      case Operator::kDoesNotExist:
        text += "!" + each.key;
        break;
    }
  }
  return text;
}

kube::Task<Wanted> wanted_by(kube::Client client, kube::CapsuleRun run) {
  Wanted wanted;
  wanted.ns = run.meta.ns;
  wanted.pod = run.pod;
  if (run.selector) {
    add(wanted.labels, *run.selector);
  }
  if (run.capsule) {
    RECAP_AWAIT(const kube::Capsule capsule, find_capsule(client, *run.capsule, run.meta.ns));
    add(wanted.labels, capsule.selector);
    if (run.capsule->cluster) {
      RECAP_AWAIT(wanted.has_namespace, matches_namespace(client, capsule.namespaces, run.meta.ns));
    }
  }
  co_return wanted;
}

kube::Task<PodView> find_pod(kube::Client client, std::string ns, std::string name) {
  kube::Endpoint where;
  where.resource = kube::kPods;
  where.ns = ns;
  where.name = name;
  RECAP_AWAIT(const json::object pod, client.get(where));
  co_return pod_view(pod);
}

kube::Task<std::vector<PodView>> find_targets(kube::Client client, kube::CapsuleRun run) {
  RECAP_AWAIT(const Wanted wanted, wanted_by(client, std::move(run)));
  if (!wanted.has_namespace) {
    co_return std::vector<PodView>();
  }
  const auto found = std::make_shared<std::vector<PodView>>();
  std::function<void(const json::object&)> keep = [found](const json::object& pod) {
    PodView view = pod_view(pod);
    if (view.problem.empty()) {
      found->push_back(std::move(view));
    }
  };
  kube::Endpoint where;
  where.resource = kube::kPods;
  where.ns = wanted.ns;
  kube::ListOptions options;
  options.label_selector = selector_text(wanted.labels);
  RECAP_AWAIT_OK(client.list(where, options, keep));
  co_return std::move(*found);
}

}  // namespace recap::controller
