// SPDX-License-Identifier: Apache-2.0
// A run's limits: what the request names, else the catalogue function's own, else the defaults.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "capsule/request.h"
#include "run/spec.h"

namespace recap::capsule {

// `labels` of a catalogue function's image: dev.recap.limit.{cpu,memory,pids,scratch}; none for
// other images. kCorrupt when one that counts cannot be read, kInvalid for a limit of 0 that would
// be none.
base::Result<run::Limits> limits_of(const LimitRequest& request,
                                    const std::map<std::string, std::string>& labels);

}  // namespace recap::capsule
