// SPDX-License-Identifier: Apache-2.0
// /dev, /proc and /sys of the Capsule: always its own, never the target's or the image's.
//
// /proc shows the joined pid namespace and is read-only (a root Capsule without capabilities could
// else write sysctls); it can only be mounted by a process inside that namespace. /sys shows the
// joined network namespace and is read-only. What in them tells of the whole host is hidden. /dev
// is a tmpfs with six harmless devices.
#pragma once

#include "base/result.h"
#include "engine/ids.h"
#include "engine/rootfs.h"
#include "linux/mount.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

struct Devices {
  linux::Mount dev, shm, pts;  // detached
  linux::UniqueFd pty_master;  // with a terminal
  linux::UniqueFd empty;       // a directory that shows nothing; of attach_kernel_fs_in_child()
};

// In the keeper. The pty comes from the Capsule's own devpts, so no terminal of ours is ever passed
// in.
// /dev/shm is a part of the scratch space of `layers` where the kernel can give it (6.15), else a
// tmpfs of its own.
Result<Devices> make_devices(const run::Spec& spec, const RunIds& ids, const Layers& layers);

// Made after the stub was forked, they go to it in a message. receive: kGone when the keeper ended.
Status send_devices(int socket, const Devices& devices);
Status receive_devices(int socket, Devices& devices);

// In the stub, with the Capsule's root as its own: /proc is mounted, /dev attached.
Status attach_kernel_fs_in_child(Devices& devices);

// After that: /sys is mounted, and what is the host's is hidden. Nobody needs it before the
// function runs.
Status complete_kernel_fs_in_child(const Devices& devices);

}  // namespace recap::engine
