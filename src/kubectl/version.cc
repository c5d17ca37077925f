// SPDX-License-Identifier: Apache-2.0
// kubectl recap version.
#include "kubectl/command.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {

int version(std::span<char*> args) {
  Command command("version");
  if (const auto done = command.parse(args)) {
    return *done;
  }
  Output out;
  out << "kubectl-recap " RECAP_VERSION "\n";
  return out.finish("version");
}

}  // namespace recap::kubectl
