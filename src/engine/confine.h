// SPDX-License-Identifier: Apache-2.0
// What the function may do, given up for good just before its exec. The whole privilege story of a
// Run is this file; everything else refers to it.
//
//  - It runs under a uid that nobody else has (engine/ids.h).
//  - A uid alone does not stop a target's root that may take any uid (CAP_SETUID). So the function
//    always holds CAP_WAKE_ALARM, inert, which no container runtime grants: the target's
//    capabilities are then no superset of the function's, and ptrace_may_access() asks for
//    CAP_SYS_PTRACE. Against a privileged target nothing helps.
//  - A user namespace of its own would not help: its owner's uid in the parent has every capability
//    in it (cap_capable(), security/commoncap.c), and the target's root may take that uid too.
//  - Inheritable = ambient = permitted = effective = bounding = exactly the grant, and that one.
//  - no_new_privs, seccomp, and Landlock where the profile allows it: a Landlocked process cannot
//    ptrace outside its domain, so the trace profile has none. In the merged view Landlock also
//    says what may be executed: what the image has for itself, and no file of the target.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "engine/ids.h"
#include "engine/mask.h"
#include "linux/credentials.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

inline constexpr unsigned kCapKill = 5;
inline constexpr unsigned kCapWakeAlarm = 35;
inline constexpr std::uint64_t kInertCapability = linux::capability(kCapWakeAlarm);

// The capabilities a function with this grant holds in fact.
constexpr std::uint64_t held_capabilities(std::uint64_t granted) {
  return granted | kInertCapability;
}

// Only on explicit request, and only where the target has a user namespace of its own.
inline bool enters_user_ns(const run::Spec& spec) { return (spec.share & run::kShareUser) != 0; }

// What the stubs do when their work is done, before the function may start: who has CAP_SYS_PTRACE
// in the shared pid namespace, be it the target or the function, finds nothing in them to take.
Status give_up_everything_in_child();

std::span<const linux::BpfInstruction> seccomp_program(run::Profile profile);

// Whether Landlock will confine this profile on this kernel.
bool is_landlocked(run::Profile profile);

// Ids, keyring, capabilities: in the function's process, as root, before anything of it runs.
// `user_ns` is the user namespace that it enters, or -1.
Status drop_privileges_in_child(const run::Spec& spec, const RunIds& ids, int user_ns);

// no_new_privs, Landlock, seccomp. After this almost nothing but exec is possible. `own`: in the
// merged view, where programs may lie.
Status lock_down_in_child(const run::Spec& spec, const OwnPlaces& own);

}  // namespace recap::engine
