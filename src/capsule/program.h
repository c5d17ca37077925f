// SPDX-License-Identifier: Apache-2.0
// Other programs: image work, which the run path itself does not link.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace recap::capsule {

// Starts `argv[0]`, a path, or a name to be found in PATH, with `output` as stdout, `error` as
// stderr (-1: `output`) and `input` as stdin (-1: /dev/null); returns its pid. It does not inherit
// that SIGCHLD is ignored, for it may wait for children of its own.
base::Result<int> start_program(const std::vector<std::string>& argv, int output, int input = -1,
                                int error = -1);

// `argv[0]` is the program's path. Its stdin and stdout are /dev/null, because ours belong to the
// function. Returns its exit code, 128+N when a signal ended it.
base::Result<int> run_program(const std::vector<std::string>& argv);

}  // namespace recap::capsule
