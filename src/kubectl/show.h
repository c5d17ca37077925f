// SPDX-License-Identifier: Apache-2.0
// A target's result as people see it: what the function wrote where it wrote it, and what there is
// to say about it on stderr.
#pragma once

#include <string_view>

#include "base/result.h"
#include "kubectl/run_state.h"

namespace recap::kubectl {

struct Shown {
  std::string_view verb;     // of what is said on stderr
  bool with_prefix = false;  // "[POD] " before each line
  bool quiet = false;        // say nothing unless something is wrong
};

// Output goes out as it came; on a terminal control characters are shown as \xNN.
base::Status show(const TargetResult& result, const Shown& how);

// "[web-0] " before each line of `text`; one that has no end gets one.
std::string prefixed(std::string_view text, std::string_view pod);

}  // namespace recap::kubectl
