// SPDX-License-Identifier: Apache-2.0
// Whether a webhook starts a run of a Capsule, and that run. No network here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "controller/hook_event.h"
#include "kube/kinds.h"

namespace recap::controller {

// The labels of such a run: its Capsule's name, and the webhook's.
inline constexpr const char* kHookCapsule = "recap.dev/capsule";
inline constexpr const char* kHookName = "recap.dev/hook";

// Those of the Capsule's sources that this webhook belongs to, and one of these events matches.
const kube::EventSource* source_for(const kube::Capsule& capsule, std::string_view hook,
                                    const std::vector<HookEvent>& events);
// Whether it has such a webhook at all.
bool has_hook(const kube::Capsule& capsule, std::string_view hook);

// What is known of a run that a webhook has started before.
struct HookRun {
  std::int64_t created_s = 0;
  std::int64_t completed_s = 0;
  bool has_ended = false;
};

// "accepted", or why none starts: "suspended", "debounce", "active", "cooldown", "limit".
std::string_view outcome_for(const kube::Capsule& capsule, const std::vector<HookRun>& before,
                             std::int64_t now_s);

struct HookCall {
  std::string ns, hook;
  std::string caller;      // the user that has called
  std::string controller;  // our own user
  std::int64_t now_s = 0;
};
// The CapsuleRun. Its name follows from the event's id, or else from the time, in steps of the
// Capsule's debounceSeconds: two replicas that are told the same make it once.
boost::json::object hook_run(const kube::Capsule& capsule, const HookCall& call,
                             const std::string& event_id);

}  // namespace recap::controller
