// SPDX-License-Identifier: Apache-2.0
// The files of a live run, as descriptors that its keeper hands out.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "capsule/runs.h"
#include "linux/unique_fd.h"

namespace recap::cli {

struct RunFiles {
  linux::UniqueFd upper;  // what the run wrote: the upper directory of its overlay (O_PATH)
  linux::UniqueFd root;   // the root that the function sees (O_PATH)
  std::int64_t function_started_ns = 0;  // wall clock; what is older, the keeper made
};

// kGone when the run ended, kUnsupported when it has no files of its own.
base::Result<RunFiles> files_of(const capsule::Dirs& dirs, const capsule::Run& run);

}  // namespace recap::cli
