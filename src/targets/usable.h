// SPDX-License-Identifier: Apache-2.0
// Whether a Capsule can be attached to what was found, and which of several is meant.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/target.h"

namespace recap::targets {

// Running on this kernel and not frozen; fills target.start_time. kBusy when paused, kNotFound when
// not running, kUnsupported for gVisor and Kata, kInvalid for what is no container's process.
base::Status check_usable(Target& target, const Roots& roots);

// kBusy when a freezer holds the processes of `cgroups` (text of /proc/PID/cgroup).
base::Status refuse_frozen(const Target& target, std::string_view cgroups, const Roots& roots);

// The one usable target of `candidates`. Those that do not run are no rivals to one that does; the
// message lists up to 8 rivals.
base::Result<Target> choose(std::string_view reference, std::vector<Target> candidates,
                            const Roots& roots);

}  // namespace recap::targets
