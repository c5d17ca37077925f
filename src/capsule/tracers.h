// SPDX-License-Identifier: Apache-2.0
// Who could reach the host by way of a target.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace recap::capsule {

// Whether process `pid`, a target's first, could leave its container anyway: it may take
// CAP_SYS_ADMIN or CAP_SYS_PTRACE, outside of a user namespace of its own. Or whether somebody else
// in its pid namespace could: a stub has the host's rights there for a millisecond, and with
// CAP_SYS_PTRACE it can be traced. What is of runs does not count: who may be granted SYS_PTRACE is
// trusted (SECURITY.md). It looks at every process of the host once; who forks all the while may
// escape it.
base::Result<bool> is_privileged(std::uint32_t pid);

}  // namespace recap::capsule
