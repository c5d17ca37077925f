// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <stdlib.h>

namespace recap::cli {

Command::Command(std::string_view verb) : console::Command(program(), verb) {
  bind("--state-dir", state_dir_).bind("--data-dir", data_dir_);
}

std::optional<int> Command::parse(std::span<char*> args) {
  if (const auto done = console::Command::parse(args)) {
    return done;
  }
  if (!state_dir_.empty()) {
    ::setenv("RECAP_STATE_DIR", state_dir_.c_str(), 1);
  }
  if (!data_dir_.empty()) {
    ::setenv("RECAP_DATA_DIR", data_dir_.c_str(), 1);
  }
  return std::nullopt;
}

}  // namespace recap::cli
