// SPDX-License-Identifier: Apache-2.0
#include "image/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>

#include <array>
#include <cstdint>
#include <memory>

#include "image/sha256.h"
#include "linux/credentials.h"
#include "linux/error.h"
#include "linux/process.h"

namespace recap::image {

using base::Status;
using linux::capability;

namespace {

// Owners, modes and names of any kind; SYS_ADMIN for trusted.* attributes, DAC_READ_SEARCH for
// naming a file by its descriptor.
constexpr std::uint64_t kKept = capability(CAP_CHOWN) | capability(CAP_DAC_OVERRIDE) |
                                capability(CAP_DAC_READ_SEARCH) | capability(CAP_FOWNER) |
                                capability(CAP_FSETID) | capability(CAP_SYS_ADMIN);

constexpr int kFirstAbiThatRenames = 2;  // between directories

constexpr std::array kDenied = {
    // The network, and other processes.
    SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kill),
    SCMP_SYS(tkill), SCMP_SYS(pidfd_send_signal),
    // Programs.
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork),
    // What SYS_ADMIN and DAC_READ_SEARCH allow besides.
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fspick), SCMP_SYS(fsmount), SCMP_SYS(mount_setattr), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd), SCMP_SYS(syslog),
    SCMP_SYS(fanotify_init), SCMP_SYS(lookup_dcookie),
    // Interfaces of the kernel that have had many holes.
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot)};

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

Status deny_calls() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ALLOW));
  int result = filter ? 0 : -ENOMEM;
  for (std::size_t i = 0; i < kDenied.size() && result == 0; ++i) {
    result = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), kDenied[i], 0);
  }
  if (result == 0) {
    result = seccomp_load(filter.get());
  }
  return result == 0 ? Status() : linux::failed("install", "a seccomp filter", -result);
}

Status keep_to_files(const Store& store, int input) {
  if (linux::landlock_abi() < kFirstAbiThatRenames) {
    return {};
  }
  const auto landlock = RECAP_TRY(linux::Landlock::create(true, true));
  RECAP_TRY(landlock.allow_everything(store.root().get()));
  if (input >= 0) {
    RECAP_TRY(landlock.allow_everything(input));
  }
  return landlock.enter();
}

}  // namespace

Status confine(const Store& store, int input) {
  (void)Sha256::of({});  // OpenSSL reads its configuration at the first use
  RECAP_TRY(linux::set_no_new_privs());
  RECAP_TRY(keep_to_files(store, input));
  RECAP_TRY(linux::limit_bounding_set(kKept));
  RECAP_TRY(linux::set_capabilities(kKept));
  return deny_calls().context("cannot give up what importing does not need");
}

}  // namespace recap::image
