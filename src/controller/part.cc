// SPDX-License-Identifier: Apache-2.0
#include "controller/part.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "kube/condition.h"
#include "kube/json.h"

namespace recap::controller {
namespace {

namespace json = boost::json;
using kube::api_time;
using kube::condition;

constexpr std::size_t kMaxResults = 100;
constexpr std::size_t kUidPart = 13;  // "1a2b3c4d-5e6f": 48 random bits

std::string name_of_part(std::string_view run, const std::string& pod_uid) {
  std::string tail = pod_uid.substr(0, kUidPart);
  std::erase(tail, '-');
  return std::string(run) + "-" + tail;
}

// What `targets.reasons` counts a part under. 127 and 126 are what a shell says too.
std::string reason_of(const json::object& result) {
  const std::int64_t code = kube::number_at(result, {"exitCode"}).value_or(0);
  const std::string_view reason = kube::text_at(result, {"reason"});
  const bool is_of_a_program = reason == "Exited" || reason == "Failed";
  if (is_of_a_program && code == 127) {
    return "NotFound";
  }
  if (is_of_a_program && code == 126) {
    return "NotExecutable";
  }
  return std::string(reason.empty() ? "Failed" : reason);
}

void count_ended(Tally& tally, const RunView& part, std::vector<std::string>& good) {
  if (part.phase == "Succeeded") {
    ++tally.succeeded;
    good.push_back(part.result);
    return;
  }
  ++(part.is_skipped ? tally.skipped : tally.failed);
  const auto result = kube::parse_object(part.result, "a result");
  ++tally.reasons[result ? reason_of(*result) : "Failed"];
  tally.results.push_back(part.result);
}

json::object targets_of(const Tally& tally) {
  json::object targets{{"total", tally.total},   {"pending", tally.pending},
                       {"active", tally.active}, {"succeeded", tally.succeeded},
                       {"failed", tally.failed}, {"skipped", tally.skipped}};
  if (!tally.reasons.empty()) {
    json::object reasons;
    for (const auto& [reason, count] : tally.reasons) {
      reasons[reason] = count;
    }
    targets["reasons"] = std::move(reasons);
  }
  return targets;
}

std::string sentence_of(const Tally& tally) {
  std::string text = std::to_string(tally.succeeded) + " of " + std::to_string(tally.total) +
                     (tally.total == 1 ? " target" : " targets") + " succeeded";
  char before = ':';
  for (const auto& [reason, count] : tally.reasons) {
    text += before;
    text += " " + std::to_string(count) + " " + reason;
    before = ',';
  }
  return text;
}

json::array results_of(const Tally& tally) {
  json::array results;
  for (const std::string& text : tally.results) {
    if (results.size() == kMaxResults) {
      break;
    }
    if (auto result = kube::parse_object(text, "a result")) {
      results.push_back(*std::move(result));
    }
  }
  return results;
}

void add_end(json::object& status, json::array& conditions, const RunView& run, const Tally& tally,
             std::int64_t now_s) {
  const bool good = tally.succeeded == tally.total;
  status["phase"] = good ? "Succeeded" : "Failed";
  status["completionTime"] = api_time(now_s);
  conditions.push_back(condition(good ? "Complete" : "Failed", true,
                                 good ? "TargetsSucceeded" : "TargetsFailed", sentence_of(tally),
                                 run.generation));
}

}  // namespace

json::object part_of(const json::object& run, const PodView& pod) {
  const std::string_view name = kube::text_at(run, {"metadata", "name"});
  json::object spec = *kube::object_at(run, {"spec"});
  spec.erase("selector");
  spec.erase("parallelism");
  spec["podName"] = pod.name;
  spec["podUID"] = pod.uid;
  const json::object owner{{"apiVersion", kube::kApiVersion},
                           {"kind", "CapsuleRun"},
                           {"name", name},
                           {"uid", kube::text_at(run, {"metadata", "uid"})},
                           {"controller", true},
                           {"blockOwnerDeletion", true}};
  json::object metadata{{"name", name_of_part(name, pod.uid)},
                        {"namespace", kube::text_at(run, {"metadata", "namespace"})},
                        {"labels", json::object{{kPartOf, name}}},
                        {"ownerReferences", json::array{owner}}};
  return {{"apiVersion", kube::kApiVersion},
          {"kind", "CapsuleRun"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

Tally tally_of(const RunView& run, const std::vector<const RunView*>& parts) {
  Tally tally;
  std::vector<std::string> good;
  for (const RunView* part : parts) {
    if (part->has_ended()) {
      count_ended(tally, *part, good);
    } else {
      ++(part->node.empty() ? tally.pending : tally.active);
    }
    if (part->started_s != 0 && (tally.started_s == 0 || part->started_s < tally.started_s)) {
      tally.started_s = part->started_s;
    }
  }
  const auto there = static_cast<std::int64_t>(parts.size());
  tally.total = std::max(run.total, there);
  if (tally.total > there) {
    tally.skipped += tally.total - there;
    tally.reasons["Deleted"] += tally.total - there;
  }
  std::ranges::move(good, std::back_inserter(tally.results));
  return tally;
}

json::object status_of(const RunView& run, const Tally& tally, std::int64_t now_s) {
  json::object status{{"phase", tally.started_s != 0 ? "Running" : "Pending"},
                      {"observedGeneration", run.generation},
                      {"targets", targets_of(tally)},
                      {"results", results_of(tally)}};
  status["truncatedResults"] =
      static_cast<std::int64_t>(tally.results.size() - status["results"].as_array().size());
  if (tally.started_s != 0) {
    status["startTime"] = api_time(tally.started_s);
  }
  json::object bound = condition("Bound", true, "TargetsFound",
                                 std::to_string(tally.total) + " targets", run.generation);
  bound["lastTransitionTime"] = api_time(run.chosen_s);
  json::array conditions{std::move(bound)};
  if (tally.has_ended()) {
    add_end(status, conditions, run, tally, now_s);
  }
  status["conditions"] = std::move(conditions);
  return status;
}

json::object failed_status(const RunView& run, std::string_view reason, std::string_view message,
                           std::int64_t now_s) {
  json::array conditions{condition("Failed", true, reason, message, run.generation)};
  if (reason == "NoTargets") {
    conditions.push_back(condition("NoTargets", true, reason, message, run.generation));
  }
  json::object status{{"phase", "Failed"},
                      {"observedGeneration", run.generation},
                      {"completionTime", api_time(now_s)},
                      {"targets", targets_of({})},
                      {"conditions", std::move(conditions)}};
  if (!run.pod.empty()) {
    status["results"] = json::array{json::object{
        {"pod", run.pod}, {"exitCode", 125}, {"reason", reason}, {"message", message}}};
  }
  return status;
}

json::object skipped_status(const RunView& part, std::string_view message, std::int64_t now_s) {
  json::object status = failed_status(part, "TargetGone", message, now_s);
  status["targets"] = targets_of({.total = 1, .skipped = 1});
  return status;
}

}  // namespace recap::controller
