// SPDX-License-Identifier: Apache-2.0
// What `recap logs` and `recap attach` share: the output that a keeper keeps of a run, on our
// stdout and stderr.
#pragma once

#include <string>

#include "base/result.h"
#include "capsule/runs.h"
#include "cli/log_tail.h"
#include "console/output.h"
#include "linux/unique_fd.h"
#include "run/control.h"

namespace recap::cli {

// How control characters are treated: written as \xNN where they would reach a terminal, unless
// somebody asked for them.
enum class Control { kEscapedOnTerminals, kRaw };

class RunLog {
 public:
  // `records` is the directory that its keeper keeps it in. kNotFound when the run keeps no output:
  // it was not started with --detach.
  static base::Result<RunLog> open(const std::string& records, const std::string& run_id,
                                   Control control);

  // Writes all that came since the last call.
  base::Status pump();

 private:
  RunLog(linux::DirFd dir, const std::string& run_id, Control control);

  linux::DirFd dir_;
  Output out_{1}, err_{2};
  LogTail stdout_, stderr_;
  bool escape_out_, escape_err_;
};

// Writes what the run has written and what it writes until it ends; the keeper's kDone. A run that
// keeps no output is only waited for. kGone when the keeper ends without a word.
base::Result<run::Event> follow_log(const capsule::Dirs& dirs, const capsule::Run& run,
                                    Control control);

}  // namespace recap::cli
