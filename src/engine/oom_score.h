// SPDX-License-Identifier: Apache-2.0
// Whom the kernel ends first when the node's memory runs out (proc(5), oom_score_adj). It is
// inherited: without this, what a node agent starts would be as protected as the agent.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace recap::engine {

using base::Status;

// Gives the calling process, and what it forks from then on, the score of process `target`, but
// never less than any process has that nobody cares for (0): nothing of the target's is ended for a
// function's sake. `proc`: the host's procfs.
Status take_oom_score_in_child(int proc, std::uint32_t target);

}  // namespace recap::engine
