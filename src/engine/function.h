// SPDX-License-Identifier: Apache-2.0
// The function's own process, from its fork to its exec.
#pragma once

#include "base/result.h"
#include "engine/stub.h"

namespace recap::engine {

// Joins the run's cgroup, gives up every privilege beyond the grant and becomes the function. Does
// not return; a failure is written to the plan's failure pipe. `plan` is a const StubPlan*. Runs in
// the stubs' memory (CLONE_VM) until its exec.
[[noreturn]] void run_function(void* plan);

void report_failure(int pipe, const base::Error& error, int exit_code);

}  // namespace recap::engine
