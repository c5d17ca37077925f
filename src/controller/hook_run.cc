// SPDX-License-Identifier: Apache-2.0
#include "controller/hook_run.h"

#include <algorithm>
#include <cstdio>

#include <boost/json/array.hpp>

#include "base/hash.h"

namespace recap::controller {
namespace {

namespace json = boost::json;

constexpr std::int64_t kHour = 3600;  // seconds

bool is_hook(const kube::EventSource& source, std::string_view hook) {
  return source.type == kube::EventType::kWebhook && source.hook == hook;
}

std::string name_of(const kube::Capsule& capsule, std::string_view what) {
  char tail[12];
  std::snprintf(tail, sizeof tail, "-%010llx",
                static_cast<unsigned long long>(
                    base::stable_hash(capsule.meta.uid + "\n" + std::string(what)) >> 24));
  return capsule.meta.name + tail;
}

}  // namespace

bool has_hook(const kube::Capsule& capsule, std::string_view hook) {
  return std::ranges::any_of(capsule.execution.event.triggers,
                             [&](const auto& source) { return is_hook(source, hook); });
}

const kube::EventSource* source_for(const kube::Capsule& capsule, std::string_view hook,
                                    const std::vector<HookEvent>& events) {
  for (const kube::EventSource& source : capsule.execution.event.triggers) {
    const auto matches = [&](const HookEvent& event) { return event.has(source.hook_labels); };
    if (is_hook(source, hook) && std::ranges::any_of(events, matches)) {
      return &source;
    }
  }
  return nullptr;
}

std::string_view outcome_for(const kube::Capsule& capsule, const std::vector<HookRun>& before,
                             std::int64_t now_s) {
  const kube::EventSpec& spec = capsule.execution.event;
  std::int64_t in_hour = 0;
  for (const HookRun& run : before) {
    if (now_s < run.created_s + spec.debounce_s) {
      return "debounce";
    }
    if (!run.has_ended) {
      return "active";
    }
    if (now_s < run.completed_s + spec.cooldown_s) {
      return "cooldown";
    }
    in_hour += now_s < run.created_s + kHour ? 1 : 0;
  }
  if (capsule.suspend) {
    return "suspended";
  }
  return in_hour >= spec.max_runs_per_hour ? "limit" : "accepted";
}

json::object hook_run(const kube::Capsule& capsule, const HookCall& call,
                      const std::string& event_id) {
  const std::int64_t step = std::max<std::int64_t>(capsule.execution.event.debounce_s, 1);
  const char* kind = capsule.cluster ? "ClusterCapsule" : "Capsule";
  const std::string& name = capsule.meta.name;
  const json::object owner{
      {"apiVersion", kube::kApiVersion}, {"kind", kind}, {"name", name}, {"uid", capsule.meta.uid}};
  json::object metadata{
      {"name", name_of(capsule, event_id.empty() ? std::to_string(call.now_s / step) : event_id)},
      {"namespace", call.ns},
      {"labels", json::object{{kHookCapsule, name}, {kHookName, call.hook}}},
      {"annotations", json::object{{"recap.dev/triggered-by", call.caller}}},
      {"ownerReferences", json::array{owner}}};
  return {{"apiVersion", kube::kApiVersion},
          {"kind", "CapsuleRun"},
          {"metadata", std::move(metadata)},
          {"spec", json::object{{"requestedBy", call.controller},
                                {"capsuleRef", json::object{{"kind", kind}, {"name", name}}}}}};
}

}  // namespace recap::controller
