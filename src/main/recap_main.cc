// SPDX-License-Identifier: Apache-2.0
// recap: the command line of one node. What it can do is in src/cli, one file per verb.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <span>

#include "cli/verbs.h"

namespace {

// With 0, 1 or 2 closed, the next file opened would become stdin, stdout or stderr.
bool standard_descriptors_open() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // NOLINTNEXTLINE(android-cloexec-open): these three are what exec passes on
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDWR) != fd) {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!standard_descriptors_open()) {
    return recap::cli::kExitOurs;
  }
  return recap::cli::dispatch(std::span(argv, static_cast<std::size_t>(argc)));
}
