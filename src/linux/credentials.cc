// SPDX-License-Identifier: Apache-2.0
#include "linux/credentials.h"

#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#include <cerrno>

#include "linux/error.h"
#include "linux/syscall.h"
#include "linux/unique_fd.h"

namespace recap::linux {

namespace {

// struct landlock_ruleset_attr as of ABI 6; older kernels get its head (E2BIG otherwise).
struct Ruleset {
  std::uint64_t fs;
  std::uint64_t net;
  std::uint64_t scoped;
};
constexpr std::uint64_t kScopeAbstractSockets = 1;
constexpr std::uint64_t kScopeSignals = 2;

std::uint64_t file_rights(long abi) {
  std::uint64_t rights = (std::uint64_t{1} << 13) - 1;  // ABI 1: EXECUTE … MAKE_SYM
  if (abi >= 2) {
    rights |= std::uint64_t{1} << 13;  // REFER
  }
  if (abi >= 3) {
    rights |= std::uint64_t{1} << 14;  // TRUNCATE
  }
  return rights;  // IOCTL_DEV (ABI 5) stays unhandled: terminals need their ioctls
}

}  // namespace

Status set_groups(std::span<const std::uint32_t> groups) {
  return status_of(sys(__NR_setgroups, groups.size(), groups.data()), "set", "groups");
}

Status set_gid(std::uint32_t gid) {
  return status_of(sys(__NR_setresgid, gid, gid, gid), "set", "gid");
}

Status set_uid(std::uint32_t uid) {
  return status_of(sys(__NR_setresuid, uid, uid, uid), "set", "uid");
}

Status keep_capabilities() {
  return status_of(sys(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep", "capabilities");
}

Status limit_bounding_set(std::uint64_t wanted) {
  for (unsigned cap = 0; cap < 64; ++cap) {
    if ((wanted & capability(cap)) != 0) {
      continue;
    }
    const long ret = sys(__NR_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (ret == -EINVAL && cap > 0) {
      return {};  // beyond the last capability this kernel knows
    }
    RECAP_TRY(status_of(ret, "drop", "a capability from the bounding set"));
  }
  return {};
}

Status regain_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  RECAP_TRY(status_of(sys(__NR_capget, &header, &data[0]), "read", "capabilities"));
  for (auto& half : data) {
    half.effective = half.permitted;
  }
  return status_of(sys(__NR_capset, &header, &data[0]), "set", "capabilities");
}

Status set_capabilities(std::uint64_t wanted) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half) {
    const auto bits = static_cast<std::uint32_t>(wanted >> (32 * half));
    data[half] = {.effective = bits, .permitted = bits, .inheritable = bits};
  }
  RECAP_TRY(status_of(sys(__NR_capset, &header, &data[0]), "set", "capabilities"));
  RECAP_TRY(status_of(sys(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear",
                      "ambient capabilities"));
  for (unsigned cap = 0; cap < 64; ++cap) {
    if ((wanted & capability(cap)) != 0) {
      RECAP_TRY(status_of(sys(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0), "raise",
                          "an ambient capability"));
    }
  }
  return {};
}

Status lock_securebits() {
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;
  return status_of(sys(__NR_prctl, PR_SET_SECUREBITS, kBits, 0, 0, 0), "lock", "securebits");
}

Status new_session_keyring() {
  const long ret = sys(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
  // A kernel without keyrings has none to inherit.
  return ret == -ENOSYS ? Status{} : status_of(ret, "create", "session keyring");
}

Status install_seccomp(std::span<const BpfInstruction> program) {
  const struct {
    std::uint16_t length;
    const BpfInstruction* filter;
  } fprog{.length = static_cast<std::uint16_t>(program.size()), .filter = program.data()};
  constexpr unsigned kModeFilter = 1;  // SECCOMP_SET_MODE_FILTER
  return status_of(sys(__NR_seccomp, kModeFilter, 0, &fprog), "install", "the seccomp filter");
}

int landlock_abi() {
  const long abi = sys(__NR_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

Result<Landlock> Landlock::create(bool scope_signals, bool scope_sockets) {
  Landlock landlock;
  const int abi = landlock_abi();
  if (abi <= 0) {
    return landlock;
  }
  landlock.rights_ = file_rights(abi);
  Ruleset attr{.fs = landlock.rights_, .net = 0, .scoped = 0};
  if (abi >= 6) {
    attr.scoped = (scope_signals ? kScopeSignals : 0) | (scope_sockets ? kScopeAbstractSockets : 0);
  }
  const std::size_t size = abi >= 6 ? sizeof attr : sizeof attr.fs;
  const long ret = sys(__NR_landlock_create_ruleset, &attr, size, 0);
  if (ret < 0) {
    return failed("create", "Landlock ruleset", static_cast<int>(-ret));
  }
  landlock.ruleset_ = UniqueFd(static_cast<int>(ret));
  return landlock;
}

Status Landlock::allow_everything_but_execute(int path) const {
  return allow(path, rights_ & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE});
}

Status Landlock::allow_execute(int path) const { return allow(path, LANDLOCK_ACCESS_FS_EXECUTE); }

Status Landlock::allow(int path, std::uint64_t rights) const {
  const struct [[gnu::packed]] {
    std::uint64_t allowed;
    std::int32_t parent;
  } beneath{.allowed = rights, .parent = path};
  return ruleset_.valid() ? status_of(sys(__NR_landlock_add_rule, ruleset_.get(),
                                          LANDLOCK_RULE_PATH_BENEATH, &beneath, 0),
                                      "add", "Landlock rule")
                          : Status{};
}

Status Landlock::enter() const {
  return ruleset_.valid() ? status_of(sys(__NR_landlock_restrict_self, ruleset_.get(), 0), "enter",
                                      "the Landlock domain")
                          : Status{};
}

}  // namespace recap::linux
