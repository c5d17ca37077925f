// SPDX-License-Identifier: Apache-2.0
// Linux capabilities by name, and the closed list of those that a Capsule can ever be granted.
//
// What is not on the list would let a Capsule leave its target (SYS_ADMIN, SYS_MODULE, MKNOD …) or
// change the host for everyone (SYS_TIME, SYSLOG …): RECap has no "privileged".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::policy {

// A set of capabilities, 1 << CAP_… each.
using CapabilitySet = std::uint64_t;

inline constexpr CapabilitySet kNoCapability = 0;

constexpr CapabilitySet capability(unsigned number) { return CapabilitySet{1} << number; }

CapabilitySet grantable_capabilities();

// "NET_RAW", "cap_net_raw", "NET_RAW,SYS_PTRACE", "none". Upper or lower case, with or without
// CAP_. kInvalid for a name that no kernel knows, kDenied for one that is never granted.
base::Result<CapabilitySet> parse_capabilities(std::string_view text);

// "NET_RAW" for a bit number; "CAP_63" when it has no name.
std::string capability_name(unsigned number);

// Calls `visit(name)` for each member, in the kernel's order.
template <typename F>
void each_capability(CapabilitySet set, F&& visit) {
  for (unsigned number = 0; number < 64; ++number) {
    if ((set & capability(number)) != 0) {
      visit(capability_name(number));
    }
  }
}

// "NET_RAW,SYS_PTRACE"; "none" for the empty set.
std::string to_text(CapabilitySet set);

}  // namespace recap::policy
