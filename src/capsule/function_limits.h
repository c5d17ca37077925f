// SPDX-License-Identifier: Apache-2.0
// A catalogue function's own limits: they hold where the user left the default.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "run/spec.h"

namespace recap::capsule {

// From the labels dev.recap.limit.{cpu,memory,pids,scratch}. kCorrupt when one cannot be parsed.
base::Status apply_limits(const std::map<std::string, std::string>& labels, run::Limits& limits);

}  // namespace recap::capsule
