// SPDX-License-Identifier: Apache-2.0
// kubectl-recap: what kubectl starts for `kubectl recap`. What it can do is in src/kubectl.
//
// stdout: what functions wrote, and answers. stderr: everything else. Exit code: the function's, or
// 125.
#include <exception>
#include <span>

#include "kubectl/verbs.h"

int main(int argc, char** argv) {
  try {
    return recap::kubectl::dispatch(std::span(argv, static_cast<std::size_t>(argc)));
  } catch (const std::exception&) {  // only the libraries throw: no memory left
    recap::kubectl::complain("", "out of memory");
    return recap::kubectl::kExitOurs;
  }
}
