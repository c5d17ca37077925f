// SPDX-License-Identifier: Apache-2.0
// Of a CapsuleRun what the controller keeps in mind. There may be tens of thousands that have
// ended, so it is little; the whole object is read again when it is wanted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "kube/kinds.h"

namespace recap::controller {

// The label by which a part names the run that it is a part of.
inline constexpr const char* kPartOf = "recap.dev/run";
// The condition of a run that its node does not take up.
inline constexpr const char* kWaiting = "Waiting";

struct RunView {
  std::string ns, name, uid;
  std::string part_of;      // a part: the name of its run; else empty
  std::string part_of_uid;  // and its uid
  std::string pod, pod_uid, node;
  std::optional<kube::CapsuleReference> capsule;
  std::int64_t generation = 0;
  std::uint32_t parallelism = 1;
  std::int64_t ttl_s = 0;
  std::int64_t started_s = 0, completed_s = 0;  // Unix; 0: not yet
  std::string phase;
  std::int64_t total = 0;     // status.targets.total
  std::int64_t chosen_s = 0;  // since when all its parts are made (condition Bound); 0: not yet
  bool is_skipped = false;
  bool is_deleted = false;
  bool is_taken_up = false;  // its node's Caplet has put its finalizer on
  bool is_waiting = false;   // has condition Waiting
  std::string result;        // of a part that has ended: its result as JSON, without output

  [[nodiscard]] bool is_part() const { return !part_of.empty(); }
  // One pod, named: it is bound itself and has no parts.
  [[nodiscard]] bool is_single() const { return !pod.empty(); }
  [[nodiscard]] bool has_ended() const { return phase == "Succeeded" || phase == "Failed"; }
  [[nodiscard]] bool is_active() const { return !node.empty() && !has_ended(); }
  [[nodiscard]] std::string key() const { return ns + "/" + name; }
  // Of the run whose story this belongs to.
  [[nodiscard]] std::string story_key() const { return ns + "/" + (is_part() ? part_of : name); }
};

// Total: what is missing is empty.
RunView run_view(const boost::json::object& run);

}  // namespace recap::controller
