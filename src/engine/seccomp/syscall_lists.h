// SPDX-License-Identifier: Apache-2.0
// What each seccomp profile allows, by syscall name. Names that an architecture lacks are skipped
// there; a name that no architecture knows stops the build.
//
// The lists are written as what is allowed: anything else that this page could have known gets
// EPERM, anything newer ENOSYS.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace recap::engine::seccomp {

// Allowed in every profile, whatever the arguments.
std::span<const std::string_view> base_syscalls();

// What a profile adds to the base.
struct ProfileList {
  std::string_view name;  // of the generated array: kRestricted …
  std::span<const std::string_view> syscalls;
  std::span<const std::uint32_t> socket_families;
  std::span<const std::uint32_t> netlink_protocols;
  std::span<const std::uint32_t> personalities;
};

// In the order of run::Profile.
std::span<const ProfileList> profile_lists();

// All that a stub needs when the function may start: it waits, reads /proc and tells the keeper.
std::span<const std::string_view> stub_syscalls();

// Newest syscall that was looked at when these lists were made. Numbers from 424 on are the same
// on every architecture.
inline constexpr std::uint32_t kNewestKnown = 450;  // set_mempolicy_home_node, Linux 5.17

}  // namespace recap::engine::seccomp
