// SPDX-License-Identifier: Apache-2.0
#include "controller/run_view.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "kube/finalizer.h"
#include "kube/json.h"

namespace recap::controller {
namespace {

namespace json = boost::json;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string copy_of(const json::object& from, kube::Path path) {
  return std::string(kube::text_at(from, path));
}

std::int64_t time_at(const json::object& from, kube::Path path) {
  return kube::parse_time(kube::text_at(from, path)).value_or(0) / kSecond;
}

std::string owner_uid(const json::object& run) {
  const json::array* owners = kube::array_at(run, {"metadata", "ownerReferences"});
  if (owners != nullptr) {
    for (const json::value& owner : *owners) {
      if (owner.is_object() && kube::text_at(owner.get_object(), {"kind"}) == "CapsuleRun") {
        return copy_of(owner.get_object(), {"uid"});
      }
    }
  }
  return "";
}

// Since when a condition holds; 0: it does not.
std::int64_t holds_since(const json::object& run, std::string_view type) {
  const json::array* conditions = kube::array_at(run, {"status", "conditions"});
  if (conditions == nullptr) {
    return 0;
  }
  for (const json::value& each : *conditions) {
    if (each.is_object() && kube::text_at(each.get_object(), {"type"}) == type &&
        kube::text_at(each.get_object(), {"status"}) == "True") {
      return time_at(each.get_object(), {"lastTransitionTime"});
    }
  }
  return 0;
}

bool has_escape_finalizer(const json::object& run) {
  const json::array* finalizers = kube::array_at(run, {"metadata", "finalizers"});
  return finalizers != nullptr &&
         std::ranges::find(*finalizers, json::value(kube::kEscapeFinalizer)) != finalizers->end();
}

// The output stays where it is: in the part.
std::string result_text(const json::object& run) {
  const json::array* results = kube::array_at(run, {"status", "results"});
  if (results == nullptr || results->empty() || !results->front().is_object()) {
    return "";
  }
  json::object result = results->front().get_object();
  for (const char* key : {"outputTail", "errorTail", "outputEncoding"}) {
    result.erase(key);
  }
  return json::serialize(result);
}

std::optional<kube::CapsuleReference> reference_of(const json::object& run) {
  if (kube::object_at(run, {"spec", "capsuleRef"}) == nullptr) {
    return std::nullopt;
  }
  return kube::CapsuleReference{
      .cluster = kube::text_at(run, {"spec", "capsuleRef", "kind"}) == "ClusterCapsule",
      .name = copy_of(run, {"spec", "capsuleRef", "name"})};
}

void read_status(const json::object& run, RunView& view) {
  view.phase = kube::text_at(run, {"status", "phase"});
  view.started_s = time_at(run, {"status", "startTime"});
  view.completed_s = time_at(run, {"status", "completionTime"});
  view.total = kube::number_at(run, {"status", "targets", "total"}).value_or(0);
  view.chosen_s = holds_since(run, "Bound");
  view.is_waiting = holds_since(run, kWaiting) != 0;
  view.is_skipped = kube::number_at(run, {"status", "targets", "skipped"}).value_or(0) > 0;
  if (view.is_part() && view.has_ended()) {
    view.result = result_text(run);
  }
}

}  // namespace

RunView run_view(const json::object& run) {
  RunView view;
  view.ns = copy_of(run, {"metadata", "namespace"});
  view.name = copy_of(run, {"metadata", "name"});
  view.uid = copy_of(run, {"metadata", "uid"});
  view.generation = kube::number_at(run, {"metadata", "generation"}).value_or(0);
  view.is_deleted = !kube::text_at(run, {"metadata", "deletionTimestamp"}).empty();
  view.is_taken_up = has_escape_finalizer(run);
  view.part_of = copy_of(run, {"metadata", "labels", kPartOf});
  view.part_of_uid = view.is_part() ? owner_uid(run) : "";
  view.pod = copy_of(run, {"spec", "podName"});
  view.pod_uid = copy_of(run, {"spec", "podUID"});
  view.node = copy_of(run, {"spec", "nodeName"});
  view.capsule = reference_of(run);
  view.parallelism = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(kube::number_at(run, {"spec", "parallelism"}).value_or(1), 1, 1000));
  view.ttl_s = kube::number_at(run, {"spec", "ttlSecondsAfterFinished"}).value_or(0);
  read_status(run, view);
  return view;
}

}  // namespace recap::controller
