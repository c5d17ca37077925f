// SPDX-License-Identifier: Apache-2.0
// The merged view's guard: a layer between the image and the target's root that hides whatever of
// the target could become code in the Capsule: loaders, libraries, binaries, and the files that the
// loader and the resolver read. What the image has in those places lies above and stays.
#pragma once

#include "base/result.h"
#include "linux/mount.h"

namespace recap::engine {

base::Result<linux::Mount> make_mask();

}  // namespace recap::engine
