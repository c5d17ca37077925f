// SPDX-License-Identifier: Apache-2.0
// recap logs [-f] RUN: what a detached run has written, stdout on stdout and stderr on stderr; also
// after its end, as long as its record is kept.
#include <string>
#include <utility>

#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/log_follow.h"
#include "cli/verbs.h"
#include "console/output.h"

namespace recap::cli {
namespace {

using base::Error;
using base::Kind;
using base::Status;

Error no_log(const capsule::Run& run) {
  return {Kind::kNotFound,
          base::concat<200>("no output of ", run.id, " is kept: it was not started with --detach")};
}

Status show(const std::string& reference, bool follow, Control control) {
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  const auto run = RECAP_TRY(capsule::find_run(dirs, reference, capsule::Among::kAll));
  auto log = RunLog::open(dirs.records(), run.id, control);
  if (!log) {
    return log.error().kind() == Kind::kNotFound ? no_log(run) : std::move(log).error();
  }
  if (follow && run.life == capsule::Life::kLive) {
    RECAP_TRY(follow_log(dirs, run, control));
    return {};
  }
  return log->pump();
}

}  // namespace

int logs(std::span<char*> args) {
  std::string reference;
  bool follow = false;
  bool raw = false;
  Command command("logs");
  command.bind("--follow", follow).bind("--raw", raw).operand(reference);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const Status shown = show(reference, follow, raw ? Control::kRaw : Control::kEscapedOnTerminals);
  return shown ? 0 : fail("logs", shown.error());
}

}  // namespace recap::cli
