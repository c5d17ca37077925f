// SPDX-License-Identifier: Apache-2.0
// The kernel itself: processes, confinement, capabilities.
#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>

#include "cli/doctor.h"
#include "cli/probe.h"
#include "linux/credentials.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::cli {
namespace {

using base::Status;

constexpr int kOldestMajor = 5;
constexpr int kOldestMinor = 15;
constexpr int kUserNsCapability = 21;  // CAP_SYS_ADMIN

std::string text_of(const base::Error& error) { return std::string(error.message()); }

void check_release(Findings& out) {
  struct utsname name{};
  ::uname(&name);
  const std::string_view release(name.release);
  int major = 0;
  int minor = 0;
  const char* const end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ptr != end) {
    std::from_chars(first.ptr + 1, end, minor);
  }
  const bool old = major < kOldestMajor || (major == kOldestMajor && minor < kOldestMinor);
  out.push_back({old ? Health::kFail : Health::kOk, "kernel", std::string(release),
                 old ? "RECap needs Linux 5.15 or newer" : ""});
}

void check_processes(Findings& out) {
  const auto pidfd = linux::open_pidfd(linux::own_pid());
  const Status child = try_in_child([] { return Status{}; });
  if (!pidfd || !child) {
    out.push_back({Health::kFail, "pidfd, clone3", text_of(pidfd ? child.error() : pidfd.error()),
                   "a seccomp filter of the container that recap runs in may forbid them"});
    return;
  }
  out.push_back({Health::kOk, "pidfd, clone3", "yes", ""});
}

// A copy of this very program, started from memory as keepers are.
Status run_from_memory() {
  const auto self = RECAP_TRY(linux::open_at(linux::kCwd, "/proc/self/exe", O_RDONLY));
  const auto copy = RECAP_TRY(linux::make_memfd("recap-doctor", true));
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const std::size_t n = RECAP_TRY(linux::read_some(self.get(), buffer));
    if (n == 0) {
      break;
    }
    RECAP_TRY(linux::write_all(copy.get(), std::span(buffer).first(n)));
  }
  RECAP_TRY(linux::seal_memfd(copy.get()));
  const auto null = RECAP_TRY(linux::open_at(linux::kCwd, "/dev/null", O_RDWR));
  const linux::Child child = RECAP_TRY(linux::fork());
  if (child.pid == 0) {
    const auto path = base::concat<40>("/proc/self/fd/", copy.get());
    const std::array<const char*, 3> argv{"recap", "version", nullptr};
    const std::array<const char*, 1> envp{nullptr};
    (void)linux::duplicate_to(null.get(), STDOUT_FILENO);
    linux::exit_now(linux::execute(path.c_str(), argv.data(), envp.data()));
  }
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) {
    return base::Error(base::Kind::kUnsupported, "a program in memory cannot be executed");
  }
  return {};
}

void check_memfd(Findings& out) {
  const Status ran = run_from_memory();
  out.push_back({ran ? Health::kOk : Health::kFail, "programs in memory",
                 ran ? "yes" : text_of(ran.error()),
                 ran ? "" : "set the sysctl vm.memfd_noexec to 0: keepers run from sealed memory"});
}

void check_seccomp(Findings& out) {
  const Status filtered = try_in_child([]() -> Status {
    constexpr linux::BpfInstruction kAllow{0x06, 0, 0, 0x7fff0000};  // return ALLOW
    RECAP_TRY(linux::set_no_new_privs());
    return linux::install_seccomp(std::span(&kAllow, 1));
  });
  out.push_back({filtered ? Health::kOk : Health::kFail, "seccomp filters",
                 filtered ? "yes" : text_of(filtered.error()),
                 filtered ? "" : "the kernel needs CONFIG_SECCOMP_FILTER"});
}

void check_landlock(Findings& out) {
  const auto abi = ask_child([]() -> base::Result<std::string> {
    const auto root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
    RECAP_TRY(linux::set_no_new_privs());
    const auto landlock = RECAP_TRY(linux::Landlock::create(true, true));
    RECAP_TRY(landlock.allow_everything(root.get()));
    RECAP_TRY(landlock.enter());
    return std::to_string(linux::landlock_abi());
  });
  if (!abi || *abi == "0") {
    out.push_back({Health::kWarn, "Landlock", abi ? "no" : text_of(abi.error()),
                   "add landlock to the kernel's lsm= list: without it, seccomp and namespaces "
                   "confine Capsules alone, and --view merged does not refuse to execute the "
                   "target's programs"});
    return;
  }
  const bool files_only = abi->size() == 1 && *abi < "6";
  out.push_back(
      {Health::kOk, "Landlock",
       "ABI " + *abi + (files_only ? ", files only (signals and abstract sockets need ABI 6)" : ""),
       ""});
}

void check_user_namespaces(Findings& out) {
  const Status made = try_in_child([] { return Status{}; }, linux::Ns::kUser);
  out.push_back(
      {made ? Health::kOk : Health::kWarn, "user namespaces", made ? "yes" : text_of(made.error()),
       made ? ""
            : "raise the sysctl user.max_user_namespaces: without them, the target's root "
              "can interfere with Capsules that have no capability"});
}

struct Needed {
  unsigned number;
  std::string_view name;
  Health without;
  std::string_view advice;
};

constexpr std::string_view kGiveIt = "run recap as the host's root, or give its container this";
constexpr std::array kNeeded = {
    Needed{kUserNsCapability, "SYS_ADMIN", Health::kFail, kGiveIt},
    Needed{19, "SYS_PTRACE", Health::kFail, kGiveIt},
    Needed{6, "SETGID", Health::kFail, kGiveIt},
    Needed{7, "SETUID", Health::kFail, kGiveIt},
    Needed{8, "SETPCAP", Health::kFail, kGiveIt},
    Needed{5, "KILL", Health::kFail, kGiveIt},
    Needed{12, "NET_ADMIN", Health::kWarn,
           "without it no function can be granted it, and sockets in TIME_WAIT stay"},
    Needed{24, "SYS_RESOURCE", Health::kWarn,
           "without it rlimits above the caller's are not possible"},
};

void check_capabilities(Findings& out) {
  std::array<char, 4096> buffer;
  const auto status = linux::read_file_at(linux::kCwd, "/proc/self/status", buffer);
  std::string_view rest = status ? linux::status_field(*status, "CapEff") : "";
  const std::string_view field = linux::next_word(rest);
  std::uint64_t effective = 0;
  std::from_chars(field.data(), field.data() + field.size(), effective, 16);
  bool complete = true;
  for (const Needed& needed : kNeeded) {
    if ((effective & linux::capability(needed.number)) == 0) {
      complete = false;
      out.push_back({needed.without, "capability " + std::string(needed.name), "no",
                     std::string(needed.advice)});
    }
  }
  if (complete) {
    out.push_back({Health::kOk, "capabilities", "all that RECap uses", ""});
  }
}

void check_yama(Findings& out) {
  std::array<char, 16> buffer;
  const auto scope = linux::read_file_at(linux::kCwd, "/proc/sys/kernel/yama/ptrace_scope", buffer);
  if (scope && scope->starts_with('3')) {
    out.push_back({Health::kWarn, "ptrace", "forbidden by kernel.yama.ptrace_scope=3",
                   "strace and gdb cannot work until the host is rebooted without it"});
  }
}

}  // namespace

void check_kernel(Findings& out) {
  check_release(out);
  check_processes(out);
  check_memfd(out);
  check_seccomp(out);
  check_landlock(out);
  check_user_namespaces(out);
  check_capabilities(out);
  check_yama(out);
}

}  // namespace recap::cli
