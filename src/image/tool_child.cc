// SPDX-License-Identifier: Apache-2.0
// Between fork and exec of another program: no allocation, no locks.
#include "image/tool_child.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "linux/fs.h"
#include "linux/process.h"

namespace recap::image {

void become_tool(const char* const* argv, ChildOutput output, pid_t parent) {
  // Ends with us: a download that nobody waits for must not write into a swept workspace. The check
  // afterwards is for a parent that was gone before prctl(2).
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || !linux::reset_signals() || !linux::duplicate_to(output.in, 0) ||
      !linux::duplicate_to(output.out, 1) || !linux::duplicate_to(output.error, 2)) {
    linux::exit_now(127);
  }
  linux::execute(argv[0], argv, environ);
  linux::exit_now(127);
}

}  // namespace recap::image
