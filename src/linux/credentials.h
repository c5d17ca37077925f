// SPDX-License-Identifier: Apache-2.0
// Who a process is: ids, capabilities, keyring, seccomp, Landlock. No call allocates or locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

inline constexpr std::uint32_t kLastCapability = 40;  // CAP_CHECKPOINT_RESTORE, 5.9
inline constexpr std::uint64_t capability(unsigned number) { return std::uint64_t{1} << number; }

Status set_groups(std::span<const std::uint32_t> groups);
Status set_gid(std::uint32_t gid);  // real, effective, saved
Status set_uid(std::uint32_t uid);
Status keep_capabilities();    // permitted ones stay over the next set_uid() away from 0
Status regain_capabilities();  // effective := permitted

// Bounding set := `wanted`. Needs CAP_SETPCAP.
Status limit_bounding_set(std::uint64_t wanted);
// Permitted, effective, inheritable and ambient := `wanted`; what was not permitted is EPERM.
// Inheritable cannot stay empty: the kernel raises an ambient capability only where the
// inheritable bit is set, and drops it with that bit (capabilities(7)).
Status set_capabilities(std::uint64_t wanted);
Status lock_securebits();  // NOROOT, NO_SETUID_FIXUP, locked: uid 0 gives nothing by itself

Status new_session_keyring();

// The kernel's struct sock_filter.
struct BpfInstruction {
  std::uint16_t code;
  std::uint8_t jump_true, jump_false;
  std::uint32_t k;
};
Status install_seccomp(std::span<const BpfInstruction> program);

// The Landlock version of this kernel, 0 when it has none.
int landlock_abi();

// A Landlock domain to be: a process in it, and its children, reach only the files that it allows,
// cannot ptrace outside, and (ABI 6) neither signal nor reach abstract sockets outside where
// `scope_…` says so. On a kernel without Landlock everything succeeds and nothing is restricted.
class Landlock {
 public:
  static Result<Landlock> create(bool scope_signals, bool scope_sockets);

  // What is below `path`, an O_PATH descriptor. Rules add up.
  [[nodiscard]] Status allow_everything(int path) const { return allow(path, rights_); }
  [[nodiscard]] Status allow_everything_but_execute(int path) const;
  [[nodiscard]] Status allow_execute(int path) const;  // execve(2); mapping is no execution

  // The calling process enters it, for good.
  [[nodiscard]] Status enter() const;

 private:
  [[nodiscard]] Status allow(int path, std::uint64_t rights) const;
  UniqueFd ruleset_;  // invalid: no Landlock
  std::uint64_t rights_ = 0;
};

}  // namespace recap::linux
