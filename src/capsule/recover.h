// SPDX-License-Identifier: Apache-2.0
// Runs whose keeper died: every command of ours looks for them and has them cleaned up.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace recap::capsule {

// Starts a keeper in recovery for each run in `state_dir` whose keeper is gone, and waits until
// they are done (bounded). At most `limit` runs are looked at, from a random place on, so that a
// node with a thousand live runs does not pay for them at each command; 0: all.
// Returns how many were recovered. No state directory is no error.
base::Result<std::size_t> recover_dead_runs(const std::string& state_dir, std::size_t limit = 0);

// For whoever saw the socket of a keeper close without a word: waits until that keeper is dead
// (bounded; a dying process closes its sockets first), then has its run cleaned up. kBusy when
// something of it is still there; what was found is in its record.
base::Status recover_run(const std::string& state_dir, const std::string& run_id);

}  // namespace recap::capsule
