// SPDX-License-Identifier: Apache-2.0
// Processes: clone, namespaces, pidfds, exec. No call allocates or locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

// CLONE_NEW… of clone(2).
struct Ns {
  static constexpr std::uint64_t kCgroup = 0x02000000;
  static constexpr std::uint64_t kUts = 0x04000000;
  static constexpr std::uint64_t kIpc = 0x08000000;
  static constexpr std::uint64_t kUser = 0x10000000;
  static constexpr std::uint64_t kPid = 0x20000000;
  static constexpr std::uint64_t kNet = 0x40000000;
  static constexpr std::uint64_t kMnt = 0x00020000;
};

struct Child {
  int pid = 0;  // 0 in the child itself
  PidFd pidfd;  // of the child, in the parent
};

// clone3(2) as fork: the child gets copies of everything, `new_namespaces`, and starts inside
// `cgroup` when that is >= 0 (CLONE_INTO_CGROUP, v2 only, 5.7: costs nothing, where a write to
// cgroup.procs waits for an RCU grace period of the whole host).
Result<Child> fork(std::uint64_t new_namespaces = 0, int cgroup = -1);

// A child that shares our memory (CLONE_VM) and runs `entry(context)`, which must not return, on
// `stack`: nothing is copied, which is most of what a fork costs. It may touch only what we leave
// alone while it lives. With `until_exec` we are suspended until it execs or ends (CLONE_VFORK).
struct SharedChild {
  void (*entry)(void* context) = nullptr;
  void* context = nullptr;
  std::span<std::byte> stack;  // 16-byte aligned
  std::uint64_t new_namespaces = 0;
  int cgroup = -1;  // as in fork()
  bool until_exec = false;
  // Set by us, cleared by the kernel when the child leaves our memory, by exec or by its end
  // (CLONE_CHILD_CLEARTID): until then, everything it borrows must stay.
  std::uint32_t* is_in_our_memory = nullptr;
};
Result<Child> start_sharing_memory(const SharedChild& child);
void await_cleared(std::uint32_t& is_in_our_memory);

// A count in memory that processes share.
void count_up(std::uint32_t& count);
void await_count(std::uint32_t& count, std::uint32_t wanted);
// A word in memory that processes share, 0 until one of them sets it: true for that one.
bool set_first(std::uint32_t& word, std::uint32_t value);

Result<PidFd> open_pidfd(int pid);
Status send_signal(int pidfd, int signal);  // signal 0: does the process exist
Status send_signal_to(int pid, int signal);

// Waits for any child; `status` as of wait4(2). kGone when there is none (ECHILD).
struct Ended {
  int pid = 0;
  int status = 0;
  bool used_storage =
      false;  // it, or a child it had waited for, read or wrote a disk (getrusage(2))
};
Result<Ended> wait_any();
bool has_children();  // that live; whoever ended is reaped
void continue_stopped_children();

Status join(int ns_or_pidfd, std::uint64_t namespaces);  // setns(2)
Status unshare(std::uint64_t namespaces);

Status set_subreaper();
Status set_parent_death_signal(int signal);  // 0: none; what we get when our parent ends
Status set_dumpable(bool on);
Status set_name(const char* name);  // comm, 15 characters
Status set_no_new_privs();
Status new_session();
Status leave_real_time();  // SCHED_OTHER, whatever the scheduling class was
void set_umask(unsigned mask);
Status ignore_children();    // SIGCHLD ignored: children are reaped by the kernel (no zombies)
Status wait_for_children();  // SIGCHLD default again: children stay until they are waited for
Status ignore_signal(int signal);
Status reset_signals();  // every disposition default, mask empty
Status set_controlling_terminal(int fd);
Status limit_resource(int resource, std::uint64_t soft, std::uint64_t hard);
Status change_dir(const char* path);
Status change_dir_to(int dir);

// execve(2): returns only on failure, with errno.
int execute(const char* path, const char* const* argv, const char* const* envp);

// The same for the program that `program` is open on (execveat(2) with AT_EMPTY_PATH).
int execute_fd(int program, const char* const* argv, const char* const* envp);

// Closes every descriptor from `first` on (close_range(2), 5.9).
Status close_from(unsigned first);

// Closes every descriptor but `kept`, which gets sorted.
Status close_all_but(std::span<int> kept);

int own_pid();
std::uint64_t monotonic_ns();
std::int64_t wall_clock_s();
[[noreturn]] void exit_now(int code);

}  // namespace recap::linux
