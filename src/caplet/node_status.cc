// SPDX-License-Identifier: Apache-2.0
#include "caplet/node_status.h"

#include <sys/utsname.h>

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

#include "base/hash.h"
#include "caplet/log.h"
#include "caplet/run_status.h"
#include "kube/json.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr const char* kManager = "caplet";
constexpr seconds kRoutine{300};
constexpr seconds kUrgent{30};
constexpr seconds kSettled{2};
constexpr std::size_t kMaxCapsules = 128;

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

const char* cgroup_version() {
  const auto there = [](const char* path) {
    return linux::stat_at(linux::kCwd, path, 0).has_value();
  };
  if (there("/sys/fs/cgroup/cgroup.controllers")) {
    return "v2";
  }
  return there("/sys/fs/cgroup/unified/cgroup.controllers") ? "hybrid" : "v1";
}

json::object versions() {
  utsname kernel{};
  (void)::uname(&kernel);
  return {{"caplet", RECAP_VERSION}, {"kernel", kernel.release}, {"cgroup", cgroup_version()}};
}

json::array worst_of(const CapsuleCounts& counts) {
  json::array worst;
  for (const auto& [failed, assignment] : counts.worst) {
    const targets::Target& target = assignment->target()->target;
    worst.push_back(json::object{{"namespace", target.pod_namespace},
                                 {"pod", target.pod},
                                 {"container", target.container},
                                 {"failed", signed_of(failed)}});
  }
  return worst;
}

json::object capsule_object(const CapsuleCounts& counts,
                            const std::map<std::string, LastEndings>& endings) {
  const kube::ObjectMeta& meta = counts.declared->capsule.meta;
  json::object object{{"kind", counts.declared->kind},
                      {"name", meta.name},
                      {"uid", meta.uid},
                      {"observedGeneration", meta.generation},
                      {"matched", signed_of(counts.matched)},
                      {"active", signed_of(counts.active)},
                      {"succeeded", signed_of(counts.succeeded)},
                      {"failed", signed_of(counts.failed)},
                      {"skipped", signed_of(counts.skipped)},
                      {"suppressed", signed_of(counts.suppressed)}};
  if (!meta.ns.empty()) {
    object["namespace"] = meta.ns;
  }
  if (counts.last_scheduled) {
    object["lastScheduleTime"] = api_time(counts.last_scheduled->time_since_epoch().count() / 1000);
  }
  if (!counts.problem.empty()) {
    object["problem"] = counts.problem.substr(0, 256);
  }
  if (const auto last = endings.find(counts.declared->key); last != endings.end()) {
    if (!last->second.success.empty()) {
      object["lastSuccess"] = last->second.success;
    }
    if (!last->second.failure.empty()) {
      object["lastFailure"] = last->second.failure;
    }
  }
  object["worst"] = worst_of(counts);
  return object;
}

}  // namespace

json::object node_status(const std::vector<CapsuleCounts>& counts,
                         const std::map<std::string, LastEndings>& endings) {
  std::uint64_t active = 0, succeeded = 0, failed = 0;
  json::array capsules;
  for (const CapsuleCounts& each : counts) {
    active += each.active;
    succeeded += each.succeeded;
    failed += each.failed;
    if (!each.declared->once && capsules.size() < kMaxCapsules) {
      capsules.push_back(capsule_object(each, endings));
    }
  }
  const auto all =
      std::ranges::count_if(counts, [](const CapsuleCounts& each) { return !each.declared->once; });
  return {{"lastUpdateTime", api_time(linux::wall_clock_s())},
          {"conditions", json::array{condition("Ready", true, "Running", "the Caplet runs", 0)}},
          {"versions", versions()},
          {"runs", json::object{{"active", signed_of(active)},
                                {"succeeded", signed_of(succeeded)},
                                {"failed", signed_of(failed)}}},
          {"truncatedCapsules", all - static_cast<std::int64_t>(capsules.size())},
          {"capsules", std::move(capsules)}};
}

std::int64_t status_round(std::string_view node, std::int64_t now_s) {
  const auto own = signed_of(base::stable_hash(node) % kRoutine.count());
  return (now_s - own) / kRoutine.count();
}

seconds until_next_look(std::string_view node, std::int64_t now_s) {
  const auto own = signed_of(base::stable_hash(node) % kRoutine.count());
  return kUrgent - seconds((now_s - own) % kUrgent.count());
}

NodeStatus::NodeStatus(boost::asio::io_context& loop, kube::Client client, std::string node,
                       const Caplet& caplet, const KubeReporter& reporter)
    : client_(std::move(client)),
      node_(std::move(node)),
      caplet_(caplet),
      reporter_(reporter),
      timer_(loop) {}

void NodeStatus::start() { find_node(); }

void NodeStatus::find_node() {
  kube::spawn<json::object>(client_.executor(), client_.get({kube::kNodes, "", node_}),
                            [this](const base::Result<json::object>& node) {
                              if (node) {
                                make(kube::meta_of(*node).uid);
                                return;
                              }
                              log_warning("the Node of this node cannot be read",
                                          {{"why", node.error().message()}});
                              timer_.expires_after(until_next_look(node_, linux::wall_clock_s()));
                              timer_.async_wait([this](const boost::system::error_code& cancelled) {
                                cancelled ? void() : find_node();
                              });
                            });
}

void NodeStatus::make(const std::string& node_uid) {
  const json::object owner{
      {"apiVersion", "v1"}, {"kind", "Node"}, {"name", node_}, {"uid", node_uid}};
  const json::object body{
      {"apiVersion", kube::kApiVersion},
      {"kind", "CapsuleNode"},
      {"metadata", json::object{{"name", node_}, {"ownerReferences", json::array{owner}}}}};
  const kube::Endpoint where{kube::kCapsuleNodes, "", node_};
  const kube::ApplyOptions options{.field_manager = kManager};
  kube::spawn<json::object>(client_.executor(), client_.apply(where, body, options),
                            [this](const base::Result<json::object>& made) {
                              if (!made) {
                                log_warning("the CapsuleNode cannot be made",
                                            {{"why", made.error().message()}});
                              }
                              made ? look_in(kSettled) : look_again();
                            });
}

void NodeStatus::look_again() { look_in(until_next_look(node_, linux::wall_clock_s())); }

void NodeStatus::look_in(seconds time) {
  timer_.expires_after(time);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) {
      return;
    }
    const bool is_routine = status_round(node_, linux::wall_clock_s()) != written_round_;
    is_routine || caplet_.failures() != written_failures_ ? write() : look_again();
  });
}

void NodeStatus::write() {
  written_round_ = status_round(node_, linux::wall_clock_s());
  written_failures_ = caplet_.failures();
  const json::object body{{"apiVersion", kube::kApiVersion},
                          {"kind", "CapsuleNode"},
                          {"metadata", json::object{{"name", node_}}},
                          {"status", node_status(caplet_.counts(), reporter_.endings())}};
  const kube::Endpoint where{kube::kCapsuleNodes, "", node_, "status"};
  const kube::ApplyOptions options{.field_manager = kManager};
  kube::spawn<json::object>(client_.executor(), client_.apply(where, body, options),
                            [this](const base::Result<json::object>& answer) {
                              if (!answer) {
                                log_warning("the status of this node is not written",
                                            {{"why", answer.error().message()}});
                              }
                              look_again();
                            });
}

}  // namespace recap::caplet
