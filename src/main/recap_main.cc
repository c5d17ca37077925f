// SPDX-License-Identifier: Apache-2.0
// recap: the command line of one node. What it can do is in src/cli, one file per verb.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <new>
#include <span>
#include <string_view>

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

// An exception needs memory, too. A run that we follow Escapes when we are gone.
[[noreturn]] void say_out_of_memory() {
  constexpr std::string_view kSentence =
      "recap: there is not enough memory: free some, or raise the limit (ulimit -v)\n";
  (void)!::write(STDERR_FILENO, kSentence.data(), kSentence.size());
  ::_exit(recap::console::kExitOurs);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_new_handler(say_out_of_memory);
  if (!standard_descriptors_open()) {
    return recap::console::kExitOurs;
  }
  return recap::cli::dispatch(std::span(argv, static_cast<std::size_t>(argc)));
}
