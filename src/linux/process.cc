// SPDX-License-Identifier: Apache-2.0
#include "linux/process.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

// The kernel's struct sigaction, which is not the libc's.
struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  std::uint64_t mask;
};

Status set_disposition(int signal, void (*handler)(int)) {
  KernelSigaction action{.handler = handler, .flags = 0, .restorer = nullptr, .mask = 0};
  return status_of(sys(__NR_rt_sigaction, signal, &action, nullptr, sizeof action.mask),
                   "set the disposition of", "a signal");
}

timespec now(int clock) {
  timespec ts{};
  sys(__NR_clock_gettime, clock, &ts);
  return ts;
}

}  // namespace

Result<Child> fork(std::uint64_t new_namespaces, int cgroup) {
  int pidfd = -1;
  struct clone_args args{};
  args.flags = new_namespaces | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  const long ret = sys(__NR_clone3, &args, sizeof args);
  if (ret < 0) {
    return failed("create", "process", static_cast<int>(-ret));
  }
  return Child{.pid = static_cast<int>(ret), .pidfd = PidFd(ret == 0 ? -1 : pidfd)};
}

namespace {

// clone3 and, in the child, `entry(context)` on the new stack: there is no frame to return to.
long clone_and_call(clone_args* args, void (*entry)(void*), void* context) {
#if defined(__x86_64__)
  long ret = __NR_clone3;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %[context], %%rdi\n\t"
      "call *%[entry]\n\t"
      "ud2\n"
      "1:"
      : "+a"(ret)
      : "D"(args), "S"(sizeof *args), [entry] "r"(entry), [context] "r"(context)
      : "rcx", "r11", "memory");
  return ret;
#else
  register long x8 asm("x8") = __NR_clone3;
  register long x0 asm("x0") = reinterpret_cast<long>(args);
  register long x1 asm("x1") = sizeof *args;
  asm volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, %[context]\n\t"
      "blr %[entry]\n\t"
      "brk #0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), [entry] "r"(entry), [context] "r"(context)
      : "memory");
  return x0;
#endif
}

}  // namespace

Result<Child> start_sharing_memory(const SharedChild& child) {
  int pidfd = -1;
  struct clone_args args{};
  args.flags = child.new_namespaces | CLONE_PIDFD | CLONE_VM | (child.until_exec ? CLONE_VFORK : 0);
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<std::uint64_t>(child.stack.data());
  args.stack_size = child.stack.size();
  if (child.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(child.cgroup);
  }
  if (child.is_in_our_memory != nullptr) {
    args.flags |= CLONE_CHILD_CLEARTID;
    args.child_tid = reinterpret_cast<std::uint64_t>(child.is_in_our_memory);
    *child.is_in_our_memory = 1;
  }
  const long ret = clone_and_call(&args, child.entry, child.context);
  if (ret < 0) {
    if (child.is_in_our_memory != nullptr) {
      *child.is_in_our_memory = 0;
    }
    return failed("create", "process", static_cast<int>(-ret));
  }
  return Child{.pid = static_cast<int>(ret), .pidfd = PidFd(pidfd)};
}

void await_cleared(std::uint32_t& is_in_our_memory) {
  // Not FUTEX_PRIVATE_FLAG: the kernel's own wake-up is not private (set_tid_address(2)).
  while (__atomic_load_n(&is_in_our_memory, __ATOMIC_ACQUIRE) != 0) {
    sys(__NR_futex, &is_in_our_memory, FUTEX_WAIT, 1, nullptr);
  }
}

void count_up(std::uint32_t& count) {
  __atomic_add_fetch(&count, 1, __ATOMIC_RELEASE);
  sys(__NR_futex, &count, FUTEX_WAKE, 1);
}

bool set_first(std::uint32_t& word, std::uint32_t value) {
  std::uint32_t none = 0;
  return __atomic_compare_exchange_n(&word, &none, value, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}

void await_count(std::uint32_t& count, std::uint32_t wanted) {
  while (true) {
    const std::uint32_t seen = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
    if (seen >= wanted) {
      return;
    }
    sys(__NR_futex, &count, FUTEX_WAIT, seen, nullptr);
  }
}

Result<PidFd> open_pidfd(int pid) {
  const long ret = sys(__NR_pidfd_open, pid, 0);
  if (ret < 0) {
    return failed("open", "process", static_cast<int>(-ret));
  }
  return PidFd(static_cast<int>(ret));
}

Status send_signal(int pidfd, int signal) {
  return status_of(sys(__NR_pidfd_send_signal, pidfd, signal, nullptr, 0), "signal", "process");
}

Status send_signal_to(int pid, int signal) {
  return status_of(sys(__NR_kill, pid, signal), "signal", "process");
}

Status join(int ns_or_pidfd, std::uint64_t namespaces) {
  return status_of(sys(__NR_setns, ns_or_pidfd, namespaces), "join", "namespaces");
}

Status unshare(std::uint64_t namespaces) {
  return status_of(sys(__NR_unshare, namespaces), "create", "namespaces");
}

Status set_parent_death_signal(int signal) {
  return status_of(sys(__NR_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0), "tie", "process");
}

Status set_subreaper() {
  return status_of(sys(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become", "a subreaper");
}

Status set_dumpable(bool on) {
  return status_of(sys(__NR_prctl, PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0), "set", "dumpable");
}

Status set_name(const char* name) {
  return status_of(sys(__NR_prctl, PR_SET_NAME, name, 0, 0, 0), "set", "process name");
}

Status set_no_new_privs() {
  return status_of(sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set", "no_new_privs");
}

Status leave_real_time() {
  const sched_param normal{};
  return status_of(sys(__NR_sched_setscheduler, 0, SCHED_OTHER, &normal), "leave",
                   "real-time scheduling");
}

Status new_session() {
  const long ret = sys(__NR_setsid);
  return ret == -EPERM ? Status{} : status_of(ret, "start", "a session");  // leads one already
}

void set_umask(unsigned mask) { sys(__NR_umask, mask); }

Status ignore_children() { return set_disposition(SIGCHLD, SIG_IGN); }

Status wait_for_children() { return set_disposition(SIGCHLD, SIG_DFL); }

Status ignore_signal(int signal) { return set_disposition(signal, SIG_IGN); }

Status reset_signals() {
  for (int signal = 1; signal < 65; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) {
      RECAP_TRY(set_disposition(signal, SIG_DFL));
    }
  }
  const std::uint64_t none = 0;
  return status_of(sys(__NR_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none), "unblock",
                   "signals");
}

Status set_controlling_terminal(int fd) {
  return status_of(sys(__NR_ioctl, fd, TIOCSCTTY, 0), "take", "the terminal");
}

Status limit_resource(int resource, std::uint64_t soft, std::uint64_t hard) {
  const std::uint64_t limit[2] = {soft, hard};
  return status_of(sys(__NR_prlimit64, 0, resource, &limit[0], nullptr), "set", "resource limit");
}

Status change_dir(const char* path) {
  return status_of(sys(__NR_chdir, path), "change directory to", path);
}

Status change_dir_to(int dir) {
  return status_of(sys(__NR_fchdir, dir), "change directory to", "descriptor");
}

int execute(const char* path, const char* const* argv, const char* const* envp) {
  return static_cast<int>(-sys(__NR_execve, path, argv, envp));
}

int execute_fd(int program, const char* const* argv, const char* const* envp) {
  return static_cast<int>(-sys(__NR_execveat, program, "", argv, envp, AT_EMPTY_PATH));
}

Status close_from(unsigned first) {
  return status_of(sys(__NR_close_range, first, ~0U, 0), "close", "descriptors");
}

Status close_all_but(std::span<int> kept) {
  for (std::size_t i = 1; i < kept.size(); ++i) {
    for (std::size_t j = i; j > 0 && kept[j - 1] > kept[j]; --j) {
      std::swap(kept[j - 1], kept[j]);
    }
  }
  int next = 0;
  for (const int fd : kept) {
    if (fd > next) {
      RECAP_TRY(status_of(sys(__NR_close_range, next, fd - 1, 0), "close", "descriptors"));
    }
    next = fd + 1;
  }
  return close_from(static_cast<unsigned>(next));
}

int own_pid() { return static_cast<int>(sys(__NR_getpid)); }

std::uint64_t monotonic_ns() {
  const timespec ts = now(CLOCK_MONOTONIC);
  return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(ts.tv_nsec);
}

std::int64_t wall_clock_s() { return now(CLOCK_REALTIME).tv_sec; }

void exit_now(int code) {
  sys(__NR_exit_group, code);
  __builtin_unreachable();
}

}  // namespace recap::linux
