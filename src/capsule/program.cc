// SPDX-License-Identifier: Apache-2.0
// posix_spawn: the child runs no code of ours.
#include "capsule/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/error.h"
#include "linux/fs.h"

namespace recap::capsule {

base::Result<int> start_program(const std::vector<std::string>& argv, int output, int input,
                                int error) {
  std::vector<char*> words;
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execve does not write to them
  }
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (input < 0) {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  } else {
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  }
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, error < 0 ? output : error, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  posix_spawnattr_setsigdefault(&attributes, &child);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return linux::failed("start", argv[0], failed);
  }
  return pid;
}

base::Result<int> run_program(const std::vector<std::string>& argv) {
  const linux::UniqueFd null = RECAP_TRY(linux::open_at(linux::kCwd, "/dev/null", O_WRONLY));
  const int pid = RECAP_TRY(start_program(argv, null.get(), -1, STDERR_FILENO));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return linux::failed("wait for", argv[0], errno);
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace recap::capsule
