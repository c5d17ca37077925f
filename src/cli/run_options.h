// SPDX-License-Identifier: Apache-2.0
// From the words of `recap run` and `recap shell` to a request.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "console/run_flags.h"

namespace recap::cli {

using console::RunOptions;

// `verb` is "run" or "shell". kInvalid with a sentence about what is wrong.
base::Result<RunOptions> parse_run_options(std::string_view verb, std::span<char*> args);

}  // namespace recap::cli
