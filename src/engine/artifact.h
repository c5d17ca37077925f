// SPDX-License-Identifier: Apache-2.0
// /out is copied to where the caller wants it, by descriptors, after the function ended: nobody can
// swap a file under the copy any more. Regular files and directories only.
#pragma once

#include "base/result.h"

namespace recap::engine {

// All of the mount `out` into the directory `to`. Existing files are not overwritten.
base::Status copy_artifacts(int out, int to);

// The one regular file in `out` into the open file `to`; kInvalid when there is none or more.
base::Status copy_single_artifact(int out, int to);

}  // namespace recap::engine
