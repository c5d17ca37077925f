// SPDX-License-Identifier: Apache-2.0
#include "controller/summaries.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "kube/condition.h"
#include "kube/kinds.h"
#include "kube/status.h"
#include "linux/process.h"
#include "service/log.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using base::Status;
using std::chrono::seconds;

constexpr seconds kRound{2};
constexpr seconds kBetweenTold{30};  // of one Capsule
constexpr const char* kManager = "recap-controller";
constexpr kube::Resource kCapsuleSummaries{kube::kGroup, kube::kVersion, "capsulesummaries"};

void say_trouble(const base::Error& error) {
  service::log_warning("Capsules or nodes cannot be watched; sums stay as they are",
                       {{"why", error.message()}});
}

json::object head_of(const CapsuleView& capsule, const std::string& ns) {
  const json::object owner{{"apiVersion", kube::kApiVersion},
                           {"kind", capsule.kind},
                           {"name", capsule.name},
                           {"uid", capsule.uid}};
  json::object metadata{{"name", (capsule.is_cluster() ? "cluster." : "") + capsule.name},
                        {"namespace", capsule.is_cluster() ? ns : capsule.ns},
                        {"ownerReferences", json::array{owner}}};
  return {{"apiVersion", kube::kApiVersion},
          {"kind", "CapsuleSummary"},
          {"metadata", std::move(metadata)}};
}

}  // namespace

kube::Watch<CapsuleView> Summaries::capsules_of(const kube::Resource& resource, const char* kind) {
  return {client_,
          {.collection = {resource}},
          [kind](const json::object& object) { return std::optional(capsule_view(object, kind)); },
          [this](const auto&) { is_changed_ = true; },
          say_trouble};
}

Summaries::Summaries(const kube::Client& client, std::string ns)
    : client_(client),
      ns_(std::move(ns)),
      timer_(client.executor()),
      capsules_(capsules_of(kube::kCapsules, "Capsule")),
      cluster_capsules_(capsules_of(kube::kClusterCapsules, "ClusterCapsule")),
      nodes_(
          client, {.collection = {kube::kCapsuleNodes}},
          [](const json::object& object) { return std::optional(node_view(object)); },
          [this](const auto&) { is_changed_ = true; }, say_trouble) {}

void Summaries::start() {
  capsules_.start();
  cluster_capsules_.start();
  nodes_.start();
  look_around();
}

void Summaries::look_around() {
  timer_.expires_after(kRound);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const Shared self = weak.lock();
    if (!cancelled && self != nullptr) {
      self->look_around();
    }
  });
  if (!capsules_.synced() || !cluster_capsules_.synced() || !nodes_.synced() ||
      !std::exchange(is_changed_, false)) {
    return;
  }
  shares_.clear();
  std::int64_t truncated_nodes = 0;
  nodes_.each([&](std::string_view, const NodeView& node) {
    truncated_nodes += node.is_truncated ? 1 : 0;
    for (const NodeShare& share : node.shares) {
      shares_[share.capsule_uid].push_back({&node.name, &share});
    }
  });
  std::map<std::string, Told> still;
  const auto look = [&](std::string_view, const CapsuleView& capsule) {
    still[capsule.uid] = std::move(told_[capsule.uid]);
  };
  capsules_.each(look);
  cluster_capsules_.each(look);
  told_ = std::move(still);
  const auto sum = [&](std::string_view, const CapsuleView& each) {
    sum_up(each, truncated_nodes);
  };
  capsules_.each(sum);
  cluster_capsules_.each(sum);
  shares_.clear();  // they point into the watch
}

void Summaries::sum_up(const CapsuleView& capsule, std::int64_t truncated_nodes) {
  const std::vector<NamedShare>& shares = shares_[capsule.uid];
  accept(capsule, problem_of(capsule, shares));
  Told& told = told_.at(capsule.uid);
  json::object status = summary_of(capsule, shares, truncated_nodes);
  const bool is_complete = truncated_nodes == 0 &&
                           (shares.empty() || status["observedGeneration"] == capsule.generation);
  std::string text = json::serialize(status) + (is_complete ? "+" : "");
  const auto now = kube::Clock::now();
  if (text == told.text) {
    return;
  }
  if (told.is_busy || now < told.at + kBetweenTold) {
    is_changed_ = true;  // in a later round
    return;
  }
  told.text = std::move(text);
  told.at = now;
  told.is_busy = true;
  status["lastUpdateTime"] = kube::api_time(linux::wall_clock_s());
  status["conditions"] = json::array{current_condition(capsule, is_complete)};
  write(capsule, std::move(status));
}

json::object Summaries::current_condition(const CapsuleView& capsule, bool is_current) {
  Told& told = told_.at(capsule.uid);
  if (told.since_s == 0 || is_current != told.is_current) {
    told.is_current = is_current;
    told.since_s = linux::wall_clock_s();
  }
  json::object condition =
      kube::condition("Current", is_current, is_current ? "AllNodes" : "SomeNodes",
                      is_current ? "all nodes have said how this generation fares"
                                 : "some nodes have not said yet how this generation fares",
                      capsule.generation);
  condition["lastTransitionTime"] = kube::api_time(told.since_s);
  return condition;
}

void Summaries::write(const CapsuleView& capsule, json::object status) {
  kube::spawn<void>(
      client_.executor(),
      write_summary(shared_from_this(), capsule, std::move(status), told_[capsule.uid].is_made),
      [self = shared_from_this(), capsule](const Status& written) {
        const auto told = self->told_.find(capsule.uid);
        if (told != self->told_.end()) {
          told->second.is_busy = false;
          told->second.is_made = written.has_value();
        }
        if (!written) {
          service::log_warning(
              "a CapsuleSummary is not written",
              {{"capsule", capsule.ns + "/" + capsule.name}, {"why", written.error().message()}});
          self->told_[capsule.uid].text.clear();
          self->is_changed_ = true;
        }
      });
}

kube::Task<void> Summaries::write_summary(Shared self, CapsuleView capsule, json::object status,
                                          bool is_made) {
  const json::object head = head_of(capsule, self->ns_);
  json::object body = head;
  body["status"] = std::move(status);
  const json::object& metadata = head.at("metadata").as_object();
  kube::Endpoint where;
  where.resource = kCapsuleSummaries;
  where.ns = std::string(metadata.at("namespace").as_string());
  where.name = std::string(metadata.at("name").as_string());
  const kube::ApplyOptions options{.field_manager = kManager};
  if (!is_made) {
    RECAP_AWAIT_OK(self->client_.apply(where, head, options));
  }
  where.subresource = "status";
  RECAP_AWAIT_OK(self->client_.apply(where, body, options));
  co_return Status();
}

void Summaries::accept(const CapsuleView& capsule, const std::string& problem) {
  const bool good = problem.empty();
  const std::string_view message = good ? "it can be carried out" : std::string_view(problem);
  if (capsule.told_generation == capsule.generation &&
      capsule.told_status == (good ? "True" : "False") && capsule.told_message == message) {
    return;
  }
  json::object condition = kube::condition(
      "Accepted", good, good ? "Accepted" : "CannotBeCarriedOut", message, capsule.generation);
  const json::object body{
      {"apiVersion", kube::kApiVersion},
      {"kind", capsule.kind},
      {"metadata",
       json::object{{"name", capsule.name}, {"namespace", capsule.ns}, {"uid", capsule.uid}}},
      {"status", json::object{{"observedGeneration", capsule.generation},
                              {"conditions", json::array{std::move(condition)}}}}};
  const kube::Endpoint where{capsule.is_cluster() ? kube::kClusterCapsules : kube::kCapsules,
                             capsule.ns, capsule.name, "status"};
  const kube::ApplyOptions options{.field_manager = kManager};
  kube::spawn<json::object>(
      client_.executor(), client_.apply(where, body, options),
      [self = shared_from_this(), capsule](const base::Result<json::object>& written) {
        if (!written && written.error().kind() != base::Kind::kNotFound) {
          service::log_warning(
              "whether a Capsule is accepted is not written",
              {{"capsule", capsule.ns + "/" + capsule.name}, {"why", written.error().message()}});
          self->is_changed_ = true;
        }
      });
}

}  // namespace recap::controller
