// SPDX-License-Identifier: Apache-2.0
// The few files that depend on the run: resolv.conf and hosts follow the shared network, the
// function's uid has a name, and in the merged view a home. They are copied, bounded, into the
// run's own layer: a bind mount would show the runtime's paths on the host. They are written before
// the layers are stacked, where a file is just a file: through the overlay each would cost a
// copy-up or a whiteout first.
#pragma once

#include "base/result.h"
#include "engine/ids.h"
#include "engine/rootfs.h"
#include "engine/target_files.h"

namespace recap::engine {

// In the stub, after the visit to the target and before stack_in_child(). `proc` is the host's
// procfs. What copy_bounded() does not take of the target is left out.
base::Status write_etc_files_in_child(const RunIds& ids, const TargetFiles& files,
                                      const Layers& layers, int proc);

// Writes what the O_PATH descriptor `source` refers to into the new file `name`; nothing when it is
// -1, too large, not regular, the kernel's or a file server's (engine/file_systems.h).
base::Status copy_bounded(int dir, const char* name, int proc, int source);

}  // namespace recap::engine
