// SPDX-License-Identifier: Apache-2.0
// The Capsule's root: an overlay of the image's layers with a size-limited tmpfs on top.
//
// Layers are idmapped detached trees (6.15), so neither their host paths nor their host owners show
// in the Capsule. A crash leaves nothing: detached mounts live as long as their descriptors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "engine/ids.h"
#include "engine/mask.h"
#include "linux/mount.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

// What the keeper prepares in the host's mount namespace, where the store is.
struct Layers {
  std::array<linux::Mount, run::kMaxLayers> trees;  // detached, read-only, ids mapped; top first
  std::size_t count = 0;
  linux::Mount scratch;  // the tmpfs that takes all writes
  linux::DirFd upper;    // its part that is the overlay's upper layer: for `recap diff`
  bool idmapped = false;
  OwnPlaces own;  // merged view: what is the image's alone; else empty
};

// `user_ns` maps the image's ids (engine/ids.h); -1 leaves files with their owners in the store.
Result<Layers> stage_layers(const run::Spec& spec, const RunIds& ids, int user_ns);

// Stacks the layers. Called in the Capsule's own mount namespace (kernels before 6.15 take only
// layers that are attached there). In the merged view `bottom` is the target's root and `mask` lies
// over it; else both are -1.
Result<linux::Mount> stack_in_child(const Layers& layers, int mask, int bottom);

// An inode costs kernel memory too: one for each 4 KiB, as many as the size alone would allow.
constexpr std::uint64_t inodes_of_tmpfs(std::uint64_t bytes) { return bytes / 4096 + 64; }

// A tmpfs of `bytes`, owned by the image's root.
Result<linux::Mount> make_tmpfs(std::uint64_t bytes, unsigned mode, const RunIds& ids);

}  // namespace recap::engine
