// SPDX-License-Identifier: Apache-2.0
// Another program's output, for credential plugins. No shell; no descriptor of ours but stderr.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "kube/pace.h"
#include "kube/task.h"

namespace recap::kube {

struct Program {
  std::string command;  // found in PATH when it has no '/'
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // added to ours
  std::string input = {};                                // its stdin
  Millis timeout{60'000};                                // then it is killed
  std::size_t max_output = std::size_t{1} << 20;
};

// What it wrote to stdout, when it ended with 0. kNotFound: no such program; kTimeout; kExhausted:
// too much output; kDenied: it ended otherwise.
Task<std::string> run_program(Program program);

}  // namespace recap::kube
