// SPDX-License-Identifier: Apache-2.0
// recap shell TARGET: a toolbox beside the target, on this terminal.
#include "cli/run_verb.h"
#include "cli/verbs.h"

namespace recap::cli {

int shell(std::span<char*> args) { return run_verb("shell", args); }

}  // namespace recap::cli
