// SPDX-License-Identifier: Apache-2.0
// The target's files, as the Capsule may see them (docs/functions.md).
//
// They are cloned while the stub visits the target's mount namespace, get their attributes while
// detached, and are attached in the Capsule's own namespace: the target's mount table never
// changes. Only O_PATH is used on the visit: nothing is read, so no FIFO or device can be waited
// on, and no path of the target's /proc is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/mask.h"
#include "linux/mount.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

inline constexpr std::size_t kMaxVolumes = 64;

struct TargetTree {
  std::string_view path;  // NUL-terminated
  linux::Mount tree;
  bool directory = true;
  std::uint64_t mount_id = 0;
};

struct TargetFiles {
  std::array<TargetTree, run::kMaxPaths> paths;
  std::size_t path_count = 0;
  linux::Mount root;  // views target and merged
  std::array<TargetTree, kMaxVolumes> volumes;
  std::size_t volume_count = 0;
  std::size_t left_out = 0;            // volumes that a whole-root view does not show
  linux::UniqueFd resolv_conf, hosts;  // O_PATH; when the network is shared and they exist
  std::array<linux::UniqueFd, std::size(kShownEtc)> etc;  // O_PATH; view merged, where they exist
};

// Mount points of the target that its view shows besides its root: no kernel file systems, and no
// FUSE, on which a hostile target could let us wait for ever. `mountinfo` is the text of
// /proc/PID/mountinfo; its escapes are undone in place, and the list's paths point into it.
struct VolumeList {
  std::array<const char*, kMaxVolumes> paths{};  // NUL-terminated
  std::size_t count = 0;
  std::size_t left_out = 0;  // file servers'
  bool complete = true;      // false: there are more
};
VolumeList volumes_in(std::span<char> mountinfo);

// Visits the target's mount namespace and stays in it. `proc` is the host's procfs. `volumes` is
// used for views target and merged; an incomplete list is refused. Called in a process that is only
// ours to lose: a hostile FUSE server can make any lookup hang.
Status collect_in_child(const run::Spec& spec, int target_pidfd, int proc,
                        const VolumeList& volumes, TargetFiles& files);

// Attaches the declared paths, and for views target and merged the volumes, below the Capsule's
// root (of the calling process); for view target the target's root at /target. `own`: in the merged
// view, no volume covers any of these. Of what the target has mounted there, the kernel's file
// systems are left out; a declared path that is one is kDenied.
Status attach_in_child(const run::Spec& spec, int proc, const OwnPlaces& own, TargetFiles& files);

}  // namespace recap::engine
