// SPDX-License-Identifier: Apache-2.0
// Each profile is installed in a child of its own, which then asks the kernel. Every call has
// arguments that no kernel accepts, so that what is not filtered does no harm either; the tests
// compare with what the same call gives without a filter.
#include "engine/seccomp_profiles.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace recap::engine::seccomp {
namespace {

constexpr run::Profile kAll[] = {run::Profile::kRestricted, run::Profile::kNet,
                                 run::Profile::kTrace, run::Profile::kFiles};
constexpr int kNotInstalled = 254;

bool install(std::span<const sock_filter> filter) {
  const sock_fprog program = {.len = static_cast<unsigned short>(filter.size()),
                              .filter = const_cast<sock_filter*>(filter.data())};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

// Wait status of a child that ran `body` under `filter` (none when empty).
int status_of(std::span<const sock_filter> filter, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (!filter.empty() && !install(filter)) {
      _exit(kNotInstalled);
    }
    _exit(body());
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// The errno of a call, 0 when it succeeded.
int error_under(std::span<const sock_filter> filter, const std::function<long()>& call) {
  const int status = status_of(filter, [&] { return call() < 0 ? errno : 0; });
  EXPECT_TRUE(WIFEXITED(status)) << "status " << status;
  return WEXITSTATUS(status);
}

int exit_code_under(run::Profile profile, const char* const* argv) {
  const int status = status_of(filter_of(profile), [&] {
    execvp(argv[0], const_cast<char* const*>(argv));
    return 127;
  });
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Call {
  const char* name;
  long number;
  long args[6];
};

constexpr long kBad = -1;

// Denied in every profile.
constexpr Call kNever[] = {
    {"mount", SYS_mount, {0, 0, 0, 0, 0, 0}},
    {"umount2", SYS_umount2, {0, 0, 0, 0, 0, 0}},
    {"fsopen", SYS_fsopen, {0, 0, 0, 0, 0, 0}},
    {"fsmount", SYS_fsmount, {kBad, 0, 0, 0, 0, 0}},
    {"open_tree", SYS_open_tree, {kBad, 0, 0, 0, 0, 0}},
    {"move_mount", SYS_move_mount, {kBad, 0, kBad, 0, 0, 0}},
    {"mount_setattr", SYS_mount_setattr, {kBad, 0, 0, 0, 0, 0}},
    {"pivot_root", SYS_pivot_root, {0, 0, 0, 0, 0, 0}},
    {"chroot", SYS_chroot, {0, 0, 0, 0, 0, 0}},
    {"setns", SYS_setns, {kBad, 0, 0, 0, 0, 0}},
    {"unshare", SYS_unshare, {0, 0, 0, 0, 0, 0}},
    {"clone NEWNS", SYS_clone, {CLONE_NEWNS | CLONE_FS, 0, 0, 0, 0, 0}},
    {"clone NEWUSER", SYS_clone, {CLONE_NEWUSER | CLONE_FS, 0, 0, 0, 0, 0}},
    {"bpf", SYS_bpf, {kBad, 0, 0, 0, 0, 0}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, 0, 0, 0, 0}},
    {"keyctl", SYS_keyctl, {9999, 0, 0, 0, 0, 0}},
    {"add_key", SYS_add_key, {0, 0, 0, 0, 0, 0}},
    {"request_key", SYS_request_key, {0, 0, 0, 0, 0, 0}},
    {"io_uring_setup", SYS_io_uring_setup, {0, 0, 0, 0, 0, 0}},
    {"io_uring_enter", SYS_io_uring_enter, {kBad, 0, 0, 0, 0, 0}},
    {"userfaultfd", SYS_userfaultfd, {kBad, 0, 0, 0, 0, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {kBad, 0, 0, 0, 0, 0}},
    {"reboot", SYS_reboot, {0, 0, 0, 0, 0, 0}},
    {"swapon", SYS_swapon, {0, 0, 0, 0, 0, 0}},
    {"swapoff", SYS_swapoff, {0, 0, 0, 0, 0, 0}},
    {"settimeofday", SYS_settimeofday, {kBad, 0, 0, 0, 0, 0}},
    {"clock_settime", SYS_clock_settime, {0, kBad, 0, 0, 0, 0}},
    {"adjtimex", SYS_adjtimex, {0, 0, 0, 0, 0, 0}},
    {"clock_adjtime", SYS_clock_adjtime, {0, 0, 0, 0, 0, 0}},
    {"acct", SYS_acct, {kBad, 0, 0, 0, 0, 0}},
    {"quotactl", SYS_quotactl, {kBad, 0, 0, 0, 0, 0}},
    {"sethostname", SYS_sethostname, {0, kBad, 0, 0, 0, 0}},
    {"syslog", SYS_syslog, {kBad, 0, 0, 0, 0, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, {kBad, 0, 0, 0, 0, 0}},
    {"socket VSOCK", SYS_socket, {AF_VSOCK, kBad, 0, 0, 0, 0}},
    {"socket ALG", SYS_socket, {AF_ALG, kBad, 0, 0, 0, 0}},
    {"socket BLUETOOTH", SYS_socket, {AF_BLUETOOTH, kBad, 0, 0, 0, 0}},
    {"netlink AUDIT", SYS_socket, {AF_NETLINK, kBad, NETLINK_AUDIT, 0, 0, 0}},
    {"ioctl TIOCSTI", SYS_ioctl, {kBad, TIOCSTI, 0, 0, 0, 0}},
    {"ioctl TIOCSTI, high bits", SYS_ioctl, {kBad, (1L << 32) | TIOCSTI, 0, 0, 0, 0}},
    {"ioctl TIOCLINUX", SYS_ioctl, {kBad, TIOCLINUX, 0, 0, 0, 0}},
    {"personality READ_IMPLIES_EXEC", SYS_personality, {READ_IMPLIES_EXEC, 0, 0, 0, 0, 0}},
};

// Allowed by one profile (or all), with the errno that says the kernel itself answered.
struct Granted {
  Call call;
  run::Profile by;
};
constexpr Granted kGranted[] = {
    {{"socket PACKET", SYS_socket, {AF_PACKET, kBad, 0, 0, 0, 0}}, run::Profile::kNet},
    {{"netlink GENERIC", SYS_socket, {AF_NETLINK, kBad, NETLINK_GENERIC, 0, 0, 0}},
     run::Profile::kNet},
    {{"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, kBad, 0, 0, 0, 0}}, run::Profile::kTrace},
    {{"process_vm_readv", SYS_process_vm_readv, {kBad, 0, 0, 0, 0, kBad}}, run::Profile::kTrace},
    {{"process_vm_writev", SYS_process_vm_writev, {kBad, 0, 0, 0, 0, kBad}}, run::Profile::kTrace},
    {{"personality", SYS_personality, {ADDR_NO_RANDOMIZE, 0, 0, 0, 0, 0}}, run::Profile::kTrace},
    {{"io_setup", SYS_io_setup, {0, 0, 0, 0, 0, 0}}, run::Profile::kFiles},
};

long invoke(const Call& c) {
  return syscall(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5]);
}

TEST(SeccompProfiles, FitTheKernel) {
  for (const run::Profile profile : kAll) {
    EXPECT_GT(filter_of(profile).size(), 50U);
    EXPECT_LE(filter_of(profile).size(), 4096U);
    EXPECT_EQ(BPF_CLASS(filter_of(profile).back().code), BPF_RET);
  }
}

TEST(SeccompProfiles, DenyWhatNoFunctionNeeds) {
  for (const Call& call : kNever) {
    EXPECT_NE(error_under({}, [&] { return invoke(call); }), EPERM)
        << call.name << " proves nothing: it fails without a filter, too";
    for (const run::Profile profile : kAll) {
      EXPECT_EQ(error_under(filter_of(profile), [&] { return invoke(call); }), EPERM)
          << call.name << " in profile " << static_cast<int>(profile);
    }
  }
}

TEST(SeccompProfiles, GrantToOneProfileOnly) {
  for (const Granted& granted : kGranted) {
    const int unfiltered = error_under({}, [&] { return invoke(granted.call); });
    ASSERT_NE(unfiltered, EPERM) << granted.call.name;
    for (const run::Profile profile : kAll) {
      EXPECT_EQ(error_under(filter_of(profile), [&] { return invoke(granted.call); }),
                profile == granted.by ? unfiltered : EPERM)
          << granted.call.name << " in profile " << static_cast<int>(profile);
    }
  }
}

TEST(SeccompProfiles, NewerSyscallsAndClone3DoNotExist) {
  for (const run::Profile profile : kAll) {
    const auto filter = filter_of(profile);
    EXPECT_EQ(error_under(filter, [] { return syscall(SYS_clone3, 0, 0); }), ENOSYS);
    EXPECT_EQ(error_under(filter, [] { return syscall(451, 0, 0); }), ENOSYS);
    EXPECT_EQ(error_under(filter, [] { return syscall(-1); }), ENOSYS);
  }
}

TEST(SeccompProfiles, LoadableModulesAndKexecAreDenied) {
  // Without a filter these would ask for capabilities first, so only the filtered answer is seen.
  for (const run::Profile profile : kAll) {
    for (const long number : {SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
                              SYS_kexec_file_load}) {
      EXPECT_EQ(error_under(filter_of(profile), [&] { return syscall(number, 0, 0, 0, 0, 0); }),
                EPERM);
    }
  }
}

#if defined(__x86_64__)
long getpid_through_i386() {
  long result = 20;  // getpid of i386, mount's neighbour elsewhere
  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result;
}

TEST(SeccompProfiles, OtherAbisAreKilled) {
  for (const run::Profile profile : kAll) {
    const int i386 = status_of(filter_of(profile), [] {
      getpid_through_i386();
      return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(i386) && WTERMSIG(i386) == SIGSYS) << i386;
    const int x32 = status_of(filter_of(profile), [] {
      syscall(0x40000000L | SYS_getpid);
      return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(x32) && WTERMSIG(x32) == SIGSYS) << x32;
  }
}
#endif

TEST(SeccompProfiles, ShellsWithPipesAndJobsWork) {
  const char* argv[] = {
      "bash", "-c",
      "exec 2>/dev/null; set -e -o pipefail; set -m; sleep 0.01 & wait %1; cd /tmp; d=$(mktemp -d);"
      "echo x | tr x y | grep -q y; mkfifo $d/p; ln -s p $d/l; ls -la $d >/dev/null;"
      "ulimit -n >/dev/null; umask 077; trap 'rm -r $d' EXIT; kill -0 $$",
      nullptr};
  for (const run::Profile profile : kAll) {
    EXPECT_EQ(exit_code_under(profile, argv), 0) << static_cast<int>(profile);
  }
}

TEST(SeccompProfiles, PythonWithThreadsProcessesAndSocketsWorks) {
  const char* argv[] = {
      "python3", "-c",
      "import os, socket, subprocess, threading, select, mmap, tempfile, multiprocessing\n"
      "t = threading.Thread(target=lambda: None); t.start(); t.join()\n"
      "assert subprocess.run(['true']).returncode == 0\n"
      "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
      "c = socket.create_connection(s.getsockname()); a, _ = s.accept()\n"
      "c.sendall(b'x'); assert select.select([a], [], [], 5)[0] and a.recv(1) == b'x'\n"
      "p = multiprocessing.Process(target=print); p.start(); p.join(); assert p.exitcode == 0\n"
      "socket.socketpair(); socket.if_nameindex(); socket.getaddrinfo('localhost', 1)\n"
      "f = tempfile.TemporaryFile(); f.truncate(4096); mmap.mmap(f.fileno(), 4096)\n"
      "e = select.epoll(); e.register(a); os.eventfd(0); os.memfd_create('m')\n",
      nullptr};
  EXPECT_EQ(exit_code_under(run::Profile::kRestricted, argv), 0);
}

}  // namespace
}  // namespace recap::engine::seccomp
