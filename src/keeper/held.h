// SPDX-License-Identifier: Apache-2.0
// The part of Escape that looks for what outlives the run because a process that is none of the
// run's holds it: a function can hand descriptors to whoever listens on a socket that it can reach.
// Such things cannot be taken away; they are residue in the record.
#pragma once

#include "keeper/active_run.h"

namespace recap::keeper {

// Shared memory that is still charged to the run's cgroup, which is empty and there, and is not of
// its files.
void look_for_held_memory(ActiveRun& run);

// In this order: when the stubs have let go and the keeper still has scratch space and /out; and
// when nobody else of ours has them any more, of which the keeper lets go now.
void watch_files(ActiveRun& run);
void look_for_held_files(ActiveRun& run);

}  // namespace recap::keeper
