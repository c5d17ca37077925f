// SPDX-License-Identifier: Apache-2.0
// From where the keeper sees the target's processes and network: by descriptors of its own, made
// before anything of the run is in the target. No path of the target or of the image is involved,
// nobody has to go there to look, and nobody there can change what is seen.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;

// What is looked at for a run with this grant: a set of these.
inline constexpr std::uint8_t kLooksAtProcesses = 1U << 0U;
inline constexpr std::uint8_t kLooksAtIpc = 1U << 1U;
inline constexpr std::uint8_t kLooksAtNetwork = 1U << 2U;
std::uint8_t looks_at(const run::Spec& spec);

struct Viewpoint {
  linux::DirFd proc;        // a procfs of the target's pid namespace, mounted nowhere
  linux::UniqueFd network;  // an rtnetlink socket in its network namespace
};

// Makes those that `looks_at(spec)` asks for. The calling process joins the target's network
// namespace for a moment, and its later children the target's pid namespace for good.
Result<Viewpoint> take_viewpoint(const run::Spec& spec, int target_pidfd);

}  // namespace recap::engine
