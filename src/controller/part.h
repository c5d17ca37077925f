// SPDX-License-Identifier: Apache-2.0
// The parts of a run on several pods: what each is made of, and what they come to together. No
// network here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "controller/pods.h"
#include "controller/run_view.h"

namespace recap::controller {

// The CapsuleRun for one target of `run`, the whole object. Its name follows from the run's and the
// pod's uid, so that making it twice makes it once. It is bound later.
boost::json::object part_of(const boost::json::object& run, const PodView& pod);

struct Tally {
  std::int64_t total = 0, pending = 0, active = 0, succeeded = 0, failed = 0, skipped = 0;
  std::map<std::string, std::int64_t> reasons{};  // of those that failed or were skipped
  std::vector<std::string> results{};             // as JSON; failures first
  std::int64_t started_s = 0;                     // the first one's; 0: none has started

  [[nodiscard]] bool has_ended() const { return succeeded + failed + skipped == total; }
};

// Parts that `run` had when it was chosen and that are not there any more were deleted by somebody:
// they count as skipped.
Tally tally_of(const RunView& run, const std::vector<const RunView*>& parts);

// The run's status as of `now_s`.
boost::json::object status_of(const RunView& run, const Tally& tally, std::int64_t now_s);

// A run that has ended before it had a target; with reason NoTargets it has a condition of that
// name too.
boost::json::object failed_status(const RunView& run, std::string_view reason,
                                  std::string_view message, std::int64_t now_s);

// A part whose pod was gone before its turn came.
boost::json::object skipped_status(const RunView& part, std::string_view message,
                                   std::int64_t now_s);

}  // namespace recap::controller
