// SPDX-License-Identifier: Apache-2.0
// The arguments of one of `recap`'s verbs: console/command.h, with the flags that each has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/manual.h"
#include "console/command.h"

namespace recap::cli {

class Command final : public console::Command {
 public:
  explicit Command(std::string_view verb);

  // Directories that were given are those of the environment from then on, for recap-image too.
  std::optional<int> parse(std::span<char*> args);

 private:
  std::string state_dir_, data_dir_;
};

}  // namespace recap::cli
