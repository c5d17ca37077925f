// SPDX-License-Identifier: Apache-2.0
// Starts a program and takes the two times that a user sees: before it is spawned, and when it has
// been waited for. Small, static and resident, so that neither the harness's interpreter nor this
// program's own start is in any number.
//
// Requests on stdin: a 32-bit length, then that many bytes of NUL-terminated words (the command).
// Answers on stdout: "START END STATUS OUT ERR\n" (CLOCK_MONOTONIC in ns; the wait status; the
// lengths of what was written to stdout and stderr), then those bytes.
//
// The command gets /dev/null and two pipes, read after it ended: it may write a pipe's size of
// 64 KiB to each, no more.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMaxRequest = 65536, kMaxWords = 256, kPipe = 65536 };

extern char** environ;

static char request[kMaxRequest];
static char out_bytes[kPipe], err_bytes[kPipe];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static int read_fully(int fd, char* to, size_t size) {
  while (size > 0) {
    const ssize_t n = read(fd, to, size);
    if (n <= 0) {
      return 0;
    }
    to += n;
    size -= (size_t)n;
  }
  return 1;
}

static void write_fully(int fd, const char* from, size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, from, size);
    if (n < 0) {
      die("write");
    }
    from += n;
    size -= (size_t)n;
  }
}

// What lies in the pipe now. A process that the command left behind may still hold the other end,
// so this never waits for the end of file.
static size_t drain(int fd, char* to) {
  size_t have = 0;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  while (have < kPipe) {
    const ssize_t n = read(fd, to + have, kPipe - have);
    if (n <= 0) {
      break;
    }
    have += (size_t)n;
  }
  close(fd);
  return have;
}

static void run(char** argv) {
  int out[2], err[2], status = 0;
  pid_t child;
  posix_spawn_file_actions_t actions;
  if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
    die("pipe2");
  }
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);

  const uint64_t start = now();
  const int failed = posix_spawn(&child, argv[0], &actions, NULL, argv, environ);
  if (failed == 0) {
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  const uint64_t end = now();

  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  const size_t out_size = drain(out[0], out_bytes);
  const size_t err_size = drain(err[0], err_bytes);
  char head[128];
  const int n = snprintf(head, sizeof(head), "%" PRIu64 " %" PRIu64 " %d %zu %zu\n", start, end,
                         failed ? -failed : status, out_size, err_size);
  write_fully(1, head, (size_t)n);
  write_fully(1, out_bytes, out_size);
  write_fully(1, err_bytes, err_size);
}

int main(void) {
  uint32_t size;
  while (read_fully(0, (char*)&size, sizeof(size))) {
    char* argv[kMaxWords + 1];
    size_t words = 0;
    if (size == 0 || size > kMaxRequest || !read_fully(0, request, size) || request[size - 1]) {
      fprintf(stderr, "spawn: damaged request\n");
      return 1;
    }
    for (char* word = request; word < request + size && words < kMaxWords;
         word += strlen(word) + 1) {
      argv[words++] = word;
    }
    argv[words] = NULL;
    run(argv);
  }
  return 0;
}
