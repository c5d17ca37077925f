// SPDX-License-Identifier: Apache-2.0
#include "controller/summary.h"

#include <algorithm>
#include <map>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "kube/condition.h"
#include "kube/json.h"
#include "kube/kinds_parse.h"

namespace recap::controller {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostWorst = 5;

std::int64_t count_at(const json::object& from, const char* key) {
  return kube::number_at(from, {key}).value_or(0);
}

std::string copy_of(const json::object& from, kube::Path path) {
  return std::string(kube::text_at(from, path));
}

std::string object_text(const json::object& from, const char* key) {
  const json::object* object = kube::object_at(from, {key});
  return object == nullptr ? "" : json::serialize(*object);
}

// Calls `each` for the objects of an array.
template <typename F>
void for_each_object(const json::array* array, F&& each) {
  if (array != nullptr) {
    for (const json::value& value : *array) {
      if (const json::object* object = value.if_object()) {
        each(*object);
      }
    }
  }
}

NodeShare share_of(const json::object& entry) {
  NodeShare share{.capsule_uid = copy_of(entry, {"uid"}),
                  .generation = count_at(entry, "observedGeneration"),
                  .matched = count_at(entry, "matched"),
                  .active = count_at(entry, "active"),
                  .succeeded = count_at(entry, "succeeded"),
                  .failed = count_at(entry, "failed"),
                  .skipped = count_at(entry, "skipped"),
                  .suppressed = count_at(entry, "suppressed"),
                  .last_scheduled = copy_of(entry, {"lastScheduleTime"}),
                  .success_time = copy_of(entry, {"lastSuccess", "time"}),
                  .failure_time = copy_of(entry, {"lastFailure", "time"}),
                  .success = object_text(entry, "lastSuccess"),
                  .failure = object_text(entry, "lastFailure"),
                  .worst = {},
                  .problem = copy_of(entry, {"problem"})};
  for_each_object(kube::array_at(entry, {"worst"}), [&](const json::object& target) {
    share.worst.push_back({count_at(target, "failed"), json::serialize(target)});
  });
  return share;
}

// The ending with the latest time.
void set_last(json::object& status, const char* key, const std::vector<NamedShare>& shares,
              std::string NodeShare::* time, std::string NodeShare::* ending) {
  const auto last = std::ranges::max_element(
      shares, {}, [&](const NamedShare& each) -> const std::string& { return each.share->*time; });
  if (last != shares.end() && !(last->share->*ending).empty()) {
    if (auto object = kube::parse_object(last->share->*ending, key)) {
      status[key] = *std::move(object);
    }
  }
}

json::array worst_of(const std::vector<NamedShare>& shares) {
  std::vector<NodeShare::Worst> all;
  for (const NamedShare& each : shares) {
    std::ranges::copy(each.share->worst, std::back_inserter(all));
  }
  std::ranges::sort(all, [](const NodeShare::Worst& a, const NodeShare::Worst& b) {
    return a.failed != b.failed ? a.failed > b.failed : a.target < b.target;
  });
  json::array worst;
  for (const NodeShare::Worst& each : all) {
    auto object = kube::parse_object(each.target, "worst");
    if (object && worst.size() < kMostWorst) {
      worst.push_back(*std::move(object));
    }
  }
  return worst;
}

// The generation that most nodes carry out.
std::int64_t common_generation(const std::vector<NamedShare>& shares) {
  std::map<std::int64_t, int> count;
  for (const NamedShare& each : shares) {
    ++count[each.share->generation];
  }
  const auto most =
      std::ranges::max_element(count, {}, [](const auto& each) { return each.second; });
  return most == count.end() ? 0 : most->first;
}

void add_sums(json::object& status, const std::vector<NamedShare>& shares) {
  static constexpr std::pair<const char*, std::int64_t NodeShare::*> kSums[] = {
      {"matched", &NodeShare::matched},     {"active", &NodeShare::active},
      {"succeeded", &NodeShare::succeeded}, {"failed", &NodeShare::failed},
      {"skipped", &NodeShare::skipped},     {"suppressed", &NodeShare::suppressed}};
  for (const auto& [name, member] : kSums) {
    std::int64_t sum = 0;
    for (const NamedShare& each : shares) {
      sum += each.share->*member;
    }
    status[name] = sum;
  }
}

}  // namespace

NodeView node_view(const json::object& capsule_node) {
  NodeView view{.name = copy_of(capsule_node, {"metadata", "name"}), .shares = {}};
  for_each_object(kube::array_at(capsule_node, {"status", "capsules"}),
                  [&](const json::object& entry) { view.shares.push_back(share_of(entry)); });
  view.is_truncated =
      kube::number_at(capsule_node, {"status", "truncatedCapsules"}).value_or(0) > 0;
  return view;
}

CapsuleView capsule_view(const json::object& capsule, const char* kind) {
  const kube::Meta meta = kube::meta_of(capsule);
  CapsuleView view{.kind = kind,
                   .ns = meta.ns,
                   .name = meta.name,
                   .uid = meta.uid,
                   .generation = meta.generation};
  json::object whole = capsule;  // a list's items have no kind of their own
  whole["apiVersion"] = kube::kApiVersion;
  whole["kind"] = kind;
  const auto parsed = kube::parse_capsule(json::value(std::move(whole)), kube::Origin::kApiServer);
  view.problem = parsed ? "" : std::string(parsed.error().message());
  for_each_object(kube::array_at(capsule, {"status", "conditions"}), [&](const json::object& each) {
    if (kube::text_at(each, {"type"}) == "Accepted") {
      view.told_generation = count_at(each, "observedGeneration");
      view.told_status = kube::text_at(each, {"status"});
      view.told_message = kube::text_at(each, {"message"});
    }
  });
  return view;
}

json::object summary_of(const CapsuleView& capsule, const std::vector<NamedShare>& shares,
                        std::int64_t truncated) {
  json::object status{{"capsuleUID", capsule.uid},
                      {"observedGeneration", common_generation(shares)},
                      {"nodes", static_cast<std::int64_t>(shares.size())},
                      {"truncatedNodes", truncated}};
  add_sums(status, shares);
  const auto last = std::ranges::max_element(shares, {}, [](const NamedShare& each) {
    return std::string_view(each.share->last_scheduled);
  });
  if (last != shares.end() && !last->share->last_scheduled.empty()) {
    status["lastScheduleTime"] = last->share->last_scheduled;
  }
  set_last(status, "lastSuccess", shares, &NodeShare::success_time, &NodeShare::success);
  set_last(status, "lastFailure", shares, &NodeShare::failure_time, &NodeShare::failure);
  status["worst"] = worst_of(shares);
  return status;
}

std::string problem_of(const CapsuleView& capsule, const std::vector<NamedShare>& shares) {
  if (!capsule.problem.empty()) {
    return capsule.problem;
  }
  for (const NamedShare& each : shares) {
    if (each.share->generation == capsule.generation && !each.share->problem.empty()) {
      return "node " + *each.node + ": " + each.share->problem;
    }
  }
  return "";
}

}  // namespace recap::controller
