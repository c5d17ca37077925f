// SPDX-License-Identifier: Apache-2.0
// The run's directory, ledger and record: opened before anything is made, closed after everything
// is undone.
#pragma once

#include "keeper/active_run.h"

namespace recap::keeper {

inline constexpr std::size_t kMaxMountinfoBytes = std::size_t{1} << 20;

// Makes state_dir/runs/RUN with its ledger and the copy of the spec, and claims the run's name:
// kExists when that is another live run's.
Status open_ledger(ActiveRun& run);
// Writes down which file systems the scratch space and /out are: whether they are gone can then be
// asked by a later keeper, too.
Status write_down_files(ActiveRun& run);
Status open_control(ActiveRun& run);
// Reserves the record's space.
Status open_record(ActiveRun& run);

// The bounded logs of a detached run, and of a terminal's, beside the record.
Status open_logs(ActiveRun& run);

// Opens a directory of ours; kDenied unless it is root's and closed to everybody else.
Result<linux::DirFd> open_own_dir(int dir, const char* path);

// Writes the record into its reserved space.
Status write_record(ActiveRun& run);

// Gives back the run's name and removes its directory. Missing files are success.
Status remove_run_dir(ActiveRun& run);

}  // namespace recap::keeper
