// SPDX-License-Identifier: Apache-2.0
// What the target was before the run and what it is after it (engine/observe.h), as the keeper sees
// it by itself: not even who has the stubs in his power changes what is seen.
#pragma once

#include "keeper/active_run.h"

namespace recap::keeper {

// Before anything of the run is in the target. Does nothing for a grant that needs no look.
void look_at_target(ActiveRun& run);

// When all of it is dead: ends the connections that it closed and that the kernel keeps, when their
// other end takes nothing more.
void end_connections(ActiveRun& run);

// When all of it is dead: names what differs, or that this is not known.
void compare_target(ActiveRun& run);

}  // namespace recap::keeper
