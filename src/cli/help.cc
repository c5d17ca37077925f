// SPDX-License-Identifier: Apache-2.0
// recap help [VERB].
#include "cli/command.h"
#include "cli/manual.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"

namespace recap::cli {

int help(std::span<char*> args) {
  std::string verb;
  Command command("help");
  command.operand(verb);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  Output out;
  if (verb.empty()) {
    out << overview_of(program());
  } else if (const Manual* manual = manual_of(verb)) {
    out << help_of(program(), *manual);
  } else {
    complain("help", "unknown verb " + printable(verb, 60) + "; `recap --help` lists the verbs");
    return kExitOurs;
  }
  return out.finish("help");
}

}  // namespace recap::cli
