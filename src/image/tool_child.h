// SPDX-License-Identifier: Apache-2.0
// The child that becomes another program: everything that happens between fork and exec.
#pragma once

#include <sys/types.h>

namespace recap::image {

struct ChildOutput {
  int in = -1, out = -1, error = -1;
};

// In a new child of `parent`: becomes the program argv[0], or ends with 127.
[[noreturn]] void become_tool(const char* const* argv, ChildOutput output, pid_t parent);

}  // namespace recap::image
