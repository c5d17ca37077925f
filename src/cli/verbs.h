// SPDX-License-Identifier: Apache-2.0
// The verbs of `recap`: one function and one file each. src/main/recap_main.cc calls dispatch().
//
// `args` are the words after the verb (`recap ps -a` → {"-a"}). A verb returns what the program
// exits with; none throws, and none calls exit(). What help and completion know of a verb is in
// manual.cc; verbs built with cli::Command (command.h) take their flags' help from there.
#pragma once

#include <span>

#include "console/output.h"

namespace recap::cli {

using namespace console;  // what every command line of ours is made of

int run(std::span<char*> args);    // recap run [flags] FUNCTION|IMAGE TARGET [-- ARG…]
int shell(std::span<char*> args);  // recap shell [flags] TARGET

int ps(std::span<char*> args);
int logs(std::span<char*> args);
int attach(std::span<char*> args);
int stop(std::span<char*> args);
int inspect(std::span<char*> args);
int diff(std::span<char*> args);
int cp(std::span<char*> args);

int targets(std::span<char*> args);
int functions(std::span<char*> args);

// These hand over to `recap-image` with the same arguments.
int images(std::span<char*> args);
int import_image(std::span<char*> args);  // recap import
int pull(std::span<char*> args);
int push(std::span<char*> args);
int build(std::span<char*> args);
int verify(std::span<char*> args);
int rmi(std::span<char*> args);
int gc(std::span<char*> args);
int check_policy(std::span<char*> args);

int doctor(std::span<char*> args);
int version(std::span<char*> args);
int completion(std::span<char*> args);
int complete(std::span<char*> args);  // recap __complete KIND: the words completion offers
int help(std::span<char*> args);      // recap help [VERB]

// The whole program: `argv` as main() got it. Flags before the verb (--state-dir, --data-dir) are
// put into the environment (RECAP_STATE_DIR, RECAP_DATA_DIR), where recap-image finds them too.
// An unknown verb is one sentence and 125; a verb that needs root is refused without it.
int dispatch(std::span<char*> argv);

}  // namespace recap::cli
