// SPDX-License-Identifier: Apache-2.0
// Which of an assignment's ended runs are kept: the last so many that succeeded, and that failed.
#include <algorithm>

#include "caplet/assignment.h"

namespace recap::caplet {

std::vector<std::string> Assignment::take_outdated() {
  std::vector<std::string> outdated;
  const kube::HistoryLimits limits = declared_ ? declared_->capsule.history : kube::HistoryLimits();
  for (const bool succeeded : {true, false}) {
    const std::size_t limit = succeeded ? limits.successful : limits.failed;
    auto kept =
        static_cast<std::size_t>(std::ranges::count(state_.past, succeeded, &PastRun::succeeded));
    std::erase_if(state_.past, [&](const PastRun& run) {
      if (run.succeeded != succeeded || kept <= limit) {
        return false;
      }
      --kept;
      outdated.push_back(run.id);
      return true;
    });
  }
  return outdated;
}

}  // namespace recap::caplet
