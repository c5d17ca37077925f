// SPDX-License-Identifier: Apache-2.0
// What a target's root may try against whatever runs beside it: run inside the target, it looks at
// every process again and again, as root and as that process's own uid, and prints a line for each
// thing that worked:   PID COMM UID WHAT
//
// It ends at end of input and prints "scans N, processes N, attempts N".
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct counters {
  unsigned long scans, processes, attempts;
};
static struct counters* count;  // shared with children

static void worked(int pid, const char* comm, int uid, const char* what) {
  printf("%d %s %d %s\n", pid, comm, uid, what);
  fflush(stdout);
}

static int opens(int pid, const char* name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return 0;
  }
  char byte;
  // An empty environ is readable too; mem has nothing at 0.
  int readable =
      (flags & O_ACCMODE) == O_WRONLY || strcmp(name, "mem") == 0 || read(fd, &byte, 1) >= 0;
  close(fd);
  return readable;
}

static int links(int pid, const char* name) {
  char path[64], to[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return readlink(path, to, sizeof to) >= 0;
}

static int traces(int pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) {
    return 0;
  }
  int status;
  ptrace(PTRACE_INTERRUPT, pid, 0, 0);
  waitpid(pid, &status, __WALL);
  ptrace(PTRACE_DETACH, pid, 0, 0);
  return 1;
}

static int reads_memory(int pid) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void*)0x400000, 1};
  // EFAULT means: allowed, only nothing is mapped there.
  return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

static int takes_descriptor(int pid) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) {
    return 0;
  }
  int fd = (int)syscall(SYS_pidfd_getfd, pidfd, 1, 0);
  close(pidfd);
  if (fd >= 0) {
    close(fd);
  }
  return fd >= 0;
}

static void attack(int pid, const char* comm, int uid) {
  static const char* const kLinks[] = {"fd/0", "fd/1", "fd/3", "exe", "root", "cwd"};
  count->attempts++;
  if (opens(pid, "environ", O_RDONLY)) {
    worked(pid, comm, uid, "environ");
  }
  if (opens(pid, "mem", O_RDONLY)) {
    worked(pid, comm, uid, "mem");
  }
  if (opens(pid, "mem", O_RDWR)) {
    worked(pid, comm, uid, "mem for writing");
  }
  if (opens(pid, "exe", O_WRONLY)) {
    worked(pid, comm, uid, "exe for writing");
  }
  for (size_t i = 0; i < sizeof kLinks / sizeof *kLinks; ++i) {
    if (links(pid, kLinks[i])) {
      worked(pid, comm, uid, kLinks[i]);
    }
  }
  if (takes_descriptor(pid)) {
    worked(pid, comm, uid, "pidfd_getfd");
  }
  if (reads_memory(pid)) {
    worked(pid, comm, uid, "process_vm_readv");
  }
  if (traces(pid)) {
    worked(pid, comm, uid, "ptrace");
  }
}

// Reads /proc/PID/status; false when the process is gone, is a zombie or is ours.
static int look(int pid, char* comm, int* uid) {
  char path[64], line[256], state = '?';
  int parent = 0;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE* file = fopen(path, "re");
  if (file == NULL) {
    return 0;
  }
  *uid = -1;
  while (fgets(line, sizeof line, file) != NULL) {
    sscanf(line, "Name: %63s", comm);
    sscanf(line, "State: %c", &state);
    sscanf(line, "PPid: %d", &parent);
    if (sscanf(line, "Uid: %d", uid) == 1) {
      break;
    }
  }
  fclose(file);
  return *uid >= 0 && state != 'Z' && parent != getpid();
}

static void attack_as_its_uid(int pid, const char* comm, int uid) {
  pid_t child = fork();
  if (child == 0) {
    gid_t group = (gid_t)uid;
    if (setgroups(1, &group) == 0 && setresgid(group, group, group) == 0 &&
        setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) == 0) {
      attack(pid, comm, uid);
    }
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static int input_ended(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) != 0;
}

int main(void) {
  static unsigned char known[1 << 22];
  count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  printf("ready\n");
  fflush(stdout);
  while (!input_ended()) {
    DIR* all = opendir("/proc");
    struct dirent* entry;
    count->scans++;
    while ((entry = readdir(all)) != NULL) {
      int pid = atoi(entry->d_name), uid;
      char comm[64] = "?";
      if (pid <= 1 || pid == getpid() || !look(pid, comm, &uid)) {
        continue;
      }
      if (pid < (int)sizeof known && !known[pid]) {
        known[pid] = 1;
        count->processes++;
      }
      attack(pid, comm, 0);
      attack_as_its_uid(pid, comm, uid);
    }
    closedir(all);
  }
  printf("scans %lu, processes %lu, attempts %lu\n", count->scans, count->processes,
         count->attempts);
  return 0;
}
