// SPDX-License-Identifier: Apache-2.0
// The Caplet as a process: puts the parts together, and runs until SIGTERM or SIGINT.
#pragma once

#include "base/result.h"
#include "caplet/options.h"

namespace recap::caplet {

// Returns when it was asked to end; its keepers live on.
base::Status serve(const Words& words);

}  // namespace recap::caplet
