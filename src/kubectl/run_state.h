// SPDX-License-Identifier: Apache-2.0
// What a CapsuleRun says of itself, as the verbs show it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace recap::kubectl {

// How one target ended; empty where the status does not say.
struct TargetResult {
  std::string pod, container, node, run_id, reason, message;
  std::optional<int> exit_code;
  std::string out, err;                       // the tails, decoded
  std::int64_t out_bytes = 0, err_bytes = 0;  // of all that was written
  std::vector<std::string> residue;
};

struct RunState {
  std::string name, ns, function, pod, node;
  std::int64_t created_s = 0;
  bool is_part = false;         // of a run with a selector
  bool has_parts = false;       // it has a selector: each target has its own object
  bool is_bound = false;        // the controller has seen it
  std::string phase;            // "", Pending, Running, Succeeded, Failed
  std::string reason, message;  // of the condition that ended it
  std::int64_t total = 0, succeeded = 0, failed = 0, skipped = 0;
  std::vector<TargetResult> results;

  [[nodiscard]] bool has_ended() const { return phase == "Succeeded" || phase == "Failed"; }
};

RunState run_state_of(const boost::json::object& object);

// What the program exits with after a run that has ended.
int exit_code_of(const RunState& run);

// One line on how it fares: "Running", "Succeeded", "Failed (3)", "Failed (2 of 10)".
std::string status_text(const RunState& run);

}  // namespace recap::kubectl
