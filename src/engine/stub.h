// SPDX-License-Identifier: Apache-2.0
// The stubs: our two nested processes inside the target's pid namespace. The outer one visits the
// target, builds the Capsule's root, joins the shared namespaces and makes the inner one, which
// makes the function. Both are subreapers, so whatever the function leaves behind is reaped by us
// and not by the target's PID 1, which may never wait; if the target's root kills the inner one,
// the outer still is there. They leave by themselves when nothing is left to reap, and they are
// never killed before: a killed stub leaves zombies in the target.
//
// The keeper ignores SIGCHLD, so the kernel reaps the outer stub even while the keeper is stopped:
// the target's exit, which waits for every task of its pid namespace, is never held up by us.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "engine/cgroup.h"
#include "engine/ids.h"
#include "engine/kernel_fs.h"
#include "engine/rootfs.h"
#include "engine/target_files.h"
#include "linux/process.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

// From the stubs to the keeper, one datagram each.
enum class StubMessageType : std::uint32_t {
  kFunctionForked = 1,  // with pidfds of the function and of the inner stub
  kFunctionEnded,       // value: status of wait4(2)
  kInnerForked,         // with a pidfd of the inner stub
  kInnerLost,           // the inner stub was killed
  kViewIncomplete,      // value: how many volumes of the target a whole-root view does not show
  kUsedStorage,  // a process of the run read or wrote a disk: page cache may be charged to it
};
struct StubMessage {
  StubMessageType type{};
  std::int32_t value = 0;
};

// Why a Run did not come to its exec; written to StubPlan::failure_pipe, which closes at exec.
struct StubFailure {
  std::uint32_t kind = 0;      // base::Kind
  std::int32_t exit_code = 0;  // 125, 126, 127
  std::array<char, 500> message{};
};

inline constexpr std::uint32_t kStubs = 2;

// The memory that the keeper and the stubs share.
struct StubsMemory {
  // Set by whoever comes first: the outer stub, which goes through, or the keeper, which gives it
  // up. Until then that stub has no child and may be killed.
  std::uint32_t gate = 0;
  std::uint32_t powerless = 0;  // stubs that have given up everything; of kStubs
};
inline constexpr std::uint32_t kGatePassed = 1;
inline constexpr std::uint32_t kGateGivenUp = 2;

// All that the stubs need; made by the keeper before the fork, so nothing is allocated after it.
struct StubPlan {
  const run::Spec* spec = nullptr;
  RunIds ids;
  CgroupEntry* cgroup = nullptr;  // filled when the gate opens
  const Layers* layers = nullptr;
  Devices* devices = nullptr;  // filled when the keeper has made them
  const VolumeList* volumes = nullptr;
  int out_mount = -1;   // detached tmpfs for /out
  int mask_mount = -1;  // merged view: hides the target's loader and libraries
  int user_ns = -1;     // the function's own
  int target_pidfd = -1;
  int proc = -1;          // the host's /proc
  int failure_pipe = -1;  // write end
  int messages = -1;      // SOCK_SEQPACKET
  StubsMemory* memory = nullptr;
  const char* const* argv = nullptr;  // NULL-terminated
  const char* const* envp = nullptr;
};

// Forks the outer stub into the target's pid namespace, or into a new one where that is not shared;
// everything else is joined or made by the stub itself.
Result<linux::Child> spawn_stub(const StubPlan& plan);

// Closes the caller's 0, 1 and 2 in a process that only waits: their end of file must come when the
// function's comes.
void release_stdio();

}  // namespace recap::engine
