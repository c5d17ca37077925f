// SPDX-License-Identifier: Apache-2.0
// The verbs of `kubectl recap`: one function and one file each. src/main/kubectl_recap_main.cc
// calls dispatch().
//
// `args` are the words after the verb. A verb returns what the program exits with; none throws, and
// none calls exit().
#pragma once

#include <span>

#include "console/output.h"

namespace recap::kubectl {

using console::complain;
using console::fail;
using console::kExitOurs;
using console::Output;

int run(std::span<char*> args);  // kubectl recap run [flags] FUNCTION|IMAGE POD [-- ARG…]
int shell(std::span<char*> args);
int ps(std::span<char*> args);
int logs(std::span<char*> args);
int stop(std::span<char*> args);
int inspect(std::span<char*> args);
int functions(std::span<char*> args);
int version(std::span<char*> args);
// What kubectl_complete-recap answers: the words typed so far, the last one unfinished. Lines
// "WORD\tDESCRIPTION" and, as kubectl expects it of a plugin, ":DIRECTIVE".
int complete(std::span<char*> args);

// The whole program: `argv` as main() got it.
int dispatch(std::span<char*> argv);

}  // namespace recap::kubectl
