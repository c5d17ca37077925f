// SPDX-License-Identifier: Apache-2.0
// A target's cgroup directory of one controller, in either version of cgroups.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "targets/target.h"

namespace recap::caplet {

struct TargetCgroup {
  std::string path;  // of the host, e.g. "/sys/fs/cgroup/memory/docker/ID"
  bool v2 = false;
};

// `controller`: "memory", "cpu". kGone when the target has ended, kUnsupported without it.
base::Result<TargetCgroup> cgroup_of(const targets::Target& target, const targets::Roots& roots,
                                     std::string_view controller);

// The directory in the unified hierarchy (v2), where the kernel's stall information is.
base::Result<std::string> unified_cgroup_of(const targets::Target& target,
                                            const targets::Roots& roots);

// The same from the text of /proc/PID/cgroup: the path below the hierarchy's root; "" is v2's.
std::string path_in(std::string_view cgroups, std::string_view controller);

}  // namespace recap::caplet
