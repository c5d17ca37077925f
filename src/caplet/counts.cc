// SPDX-License-Identifier: Apache-2.0
#include "caplet/counts.h"

#include <algorithm>
#include <functional>

namespace recap::caplet {

void CapsuleCounts::add(const Assignment& assignment) {
  const AssignmentState& state = assignment.state();
  matched += assignment.target() != nullptr ? 1 : 0;
  active += state.live.size();
  succeeded += state.succeeded;
  failed += state.failed;
  skipped += state.skipped;
  suppressed += state.event.suppressed();
  if (state.periodic.last_settled) {
    last_scheduled = last_scheduled ? std::max(*last_scheduled, *state.periodic.last_settled)
                                    : state.periodic.last_settled;
  }
  if (state.failed != 0 && assignment.target() != nullptr) {
    worst.emplace_back(state.failed, &assignment);
    std::ranges::sort(worst, std::greater(), [](const auto& each) { return each.first; });
    worst.resize(std::min(worst.size(), kWorst));
  }
}

}  // namespace recap::caplet
