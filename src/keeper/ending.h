// SPDX-License-Identifier: Apache-2.0
// The part of Escape that ends the run's processes: asked first, then killed, the stubs last and by
// themselves. In this order; what cannot be done is residue in the record.
#pragma once

#include "keeper/active_run.h"

namespace recap::keeper {

// Makes kTargetGone of a kFailed that is that.
void tell_target_death_apart(ActiveRun& run, run::Reason& reason);

// SIGTERM and the grace period, for a function that can still use them.
void ask_function_to_end(ActiveRun& run, run::Reason reason);

void kill_everything(ActiveRun& run);

// Only when the cgroup is gone nothing of the run is left in it, nor can come.
void remove_cgroup(ActiveRun& run);

// System V objects outlive their makers.
void remove_ipc_objects(ActiveRun& run);

void wait_for_stubs(ActiveRun& run);
void see_our_children_off(ActiveRun& run);

}  // namespace recap::keeper
