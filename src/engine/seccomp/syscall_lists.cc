// SPDX-License-Identifier: Apache-2.0
// The lists: see syscall_lists.h.
//
// Left out on purpose, in every profile: whatever makes, moves or enters mounts and namespaces
// (mount, fsopen, move_mount, pivot_root, chroot, setns, unshare), handles to files by number
// (open_by_handle_at), the kernel's programmable parts (bpf, perf_event_open, io_uring,
// userfaultfd, module and kexec calls), keyrings, clocks, quota, swap, reboot, host names, the
// kernel log. Capabilities guard most of them a second time.
#include "engine/seccomp/syscall_lists.h"

#include <linux/netlink.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include <array>

namespace recap::engine::seccomp {
namespace {

constexpr std::string_view kBase[] = {
    // Files and directories; who may do what with them is decided by uid and mount flags.
    "read", "write", "open", "openat", "openat2", "creat", "close", "close_range", "lseek",
    "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2",
    "sendfile", "copy_file_range", "splice", "tee", "vmsplice", "stat", "fstat", "lstat",
    "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "truncate",
    "ftruncate", "fallocate", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "rename",
    "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "link", "linkat", "unlink", "unlinkat",
    "symlink", "symlinkat", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "chown",
    "fchown", "lchown", "fchownat", "umask", "utime", "utimes", "utimensat", "futimesat", "mknod",
    "mknodat", "fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "flock", "fadvise64",
    "readahead", "getxattr", "lgetxattr", "fgetxattr", "setxattr", "lsetxattr", "fsetxattr",
    "listxattr", "llistxattr", "flistxattr", "removexattr", "lremovexattr", "fremovexattr",
    "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // Descriptors and waiting for them.
    "dup", "dup2", "dup3", "fcntl", "pipe", "pipe2", "poll", "ppoll", "select", "pselect6",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_wait", "epoll_wait_old",
    "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
    // Memory.
    "brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "msync", "mincore", "mlock", "mlock2",
    "munlock", "mlockall", "munlockall", "pkey_alloc", "pkey_free", "pkey_mprotect", "membarrier",
    "memfd_create", "get_mempolicy", "set_mempolicy",
    // Processes, threads, signals. clone is below: its flags are looked at.
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "kill", "tkill",
    "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
    "rt_sigsuspend", "sigaltstack", "pause", "alarm", "restart_syscall", "futex", "futex_waitv",
    "set_tid_address", "set_robust_list", "get_robust_list", "rseq", "arch_prctl", "prctl",
    "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
    // Identity: the capabilities, of which most Capsules have none, decide.
    "getpid", "getppid", "gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid", "getuid",
    "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid", "setgid",
    "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capget",
    "capset",
    // Scheduling, limits, information.
    "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setparam",
    "sched_getscheduler", "sched_setscheduler", "sched_getattr", "sched_setattr",
    "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "getpriority",
    "setpriority", "ioprio_get", "ioprio_set", "getcpu", "getrlimit", "setrlimit", "prlimit64",
    "getrusage", "times", "uname", "sysinfo", "getrandom",
    // Time: reading it, sleeping, timers.
    "time", "gettimeofday", "clock_gettime", "clock_getres", "nanosleep", "clock_nanosleep",
    "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun",
    "timer_delete", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    // Sockets; socket and socketpair are below.
    "bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername", "sendto",
    "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "setsockopt", "getsockopt",
    "shutdown",
    // System V and POSIX message queues, semaphores, memory; of the run's own ipc namespace unless
    // the target's is shared.
    "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget",
    "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive",
    "mq_notify", "mq_getsetattr"};

// What reads and writes another process: all of it ends in the kernel's ptrace access check.
constexpr std::string_view kTraceSyscalls[] = {"ptrace", "process_vm_readv", "process_vm_writev",
                                               "kcmp"};
// Databases' own backup tools read with native asynchronous I/O.
constexpr std::string_view kFilesSyscalls[] = {"io_setup",  "io_destroy",   "io_submit",
                                               "io_cancel", "io_getevents", "io_pgetevents"};

constexpr std::uint32_t kFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
constexpr std::uint32_t kNetFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};
// ip, getifaddrs; ss.
constexpr std::uint32_t kNetlink[] = {NETLINK_ROUTE, NETLINK_SOCK_DIAG};
// Besides, conntrack and nft; libpcap and ethtool.
constexpr std::uint32_t kNetNetlink[] = {NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER,
                                         NETLINK_GENERIC};

constexpr std::uint32_t kAskPersonality = 0xffffffff;
constexpr std::uint32_t kPersonalities[] = {PER_LINUX, PER_LINUX32, kAskPersonality};
constexpr std::uint32_t kTracePersonalities[] = {PER_LINUX, PER_LINUX32, kAskPersonality,
                                                 ADDR_NO_RANDOMIZE};  // gdb's `run`

constexpr std::string_view kStubSyscalls[] = {
    "wait4",       "sendmsg", "openat", "read",  "getdents64", "readlinkat", "close",
    "close_range", "mmap",    "munmap", "futex", "exit",       "exit_group", "rt_sigreturn"};

constexpr ProfileList kProfiles[] = {
    {"kRestricted", {}, kFamilies, kNetlink, kPersonalities},
    {"kNet", {}, kNetFamilies, kNetNetlink, kPersonalities},
    {"kTrace", kTraceSyscalls, kFamilies, kNetlink, kTracePersonalities},
    {"kFiles", kFilesSyscalls, kFamilies, kNetlink, kPersonalities},
};

}  // namespace

std::span<const std::string_view> base_syscalls() { return kBase; }
std::span<const ProfileList> profile_lists() { return kProfiles; }
std::span<const std::string_view> stub_syscalls() { return kStubSyscalls; }

}  // namespace recap::engine::seccomp
