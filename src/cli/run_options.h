// SPDX-License-Identifier: Apache-2.0
// From the words of `recap run` and `recap shell` to a request.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "capsule/request.h"

namespace recap::cli {

struct RunOptions {
  capsule::RunRequest request;
  std::optional<std::string> detach_keys;  // as capsule::parse_detach_keys() returns them
  bool quiet = false;
  bool dry_run = false;
  bool help = false;
  bool terminal_by_itself = false;  // a shell was asked for: -it when there is a terminal
};

// `verb` is "run" or "shell". kInvalid with a sentence about what is wrong.
base::Result<RunOptions> parse_run_options(std::string_view verb, std::span<char*> args);

// "256Mi" for "--memory": what a run gets without the flag, for help; empty when there is nothing
// to say.
std::string default_of(std::string_view long_name);

}  // namespace recap::cli
