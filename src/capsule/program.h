// SPDX-License-Identifier: Apache-2.0
// Runs another program and waits for it: image work, which the run path itself does not link.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace recap::capsule {

// `argv[0]` is the program's path. Its stdin is /dev/null; its stdout is our stderr, because our
// stdout belongs to the function. Returns its exit code, 128+N when a signal ended it.
base::Result<int> run_program(const std::vector<std::string>& argv);

}  // namespace recap::capsule
