// SPDX-License-Identifier: Apache-2.0
// The part of Escape that hands over what a function left for its user: the rest of its output, and
// /out. Nobody else is waited for: a process that is none of ours may hold a pipe, or not read one.
#pragma once

#include "keeper/active_run.h"

namespace recap::keeper {

// What the pipes of a detached run hold now. All of the run's processes are dead, so nothing of
// theirs comes any more.
void drain_output(ActiveRun& run);

// Copies /out. Sets `artifacts_complete` or `artifacts_failed`, or neither when a function that
// failed left nothing.
void hand_over_artifacts(ActiveRun& run);

}  // namespace recap::keeper
