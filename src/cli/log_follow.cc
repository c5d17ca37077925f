// SPDX-License-Identifier: Apache-2.0
#include "cli/log_follow.h"

#include <unistd.h>

#include <utility>

#include "capsule/keeper_link.h"
#include "linux/fs.h"

namespace recap::cli {
namespace {

constexpr std::int64_t kLookMs = 50;  // how late a line may be

}  // namespace

RunLog::RunLog(linux::DirFd dir, const std::string& run_id, Control control)
    : dir_(std::move(dir)),
      stdout_(dir_.get(), run_id + ".stdout"),
      stderr_(dir_.get(), run_id + ".stderr"),
      escape_out_(control != Control::kRaw && ::isatty(STDOUT_FILENO) != 0),
      escape_err_(control != Control::kRaw && ::isatty(STDERR_FILENO) != 0) {}

base::Result<RunLog> RunLog::open(const std::string& records, const std::string& run_id,
                                  Control control) {
  linux::DirFd dir = RECAP_TRY(linux::open_dir_at(linux::kCwd, records.c_str()));
  RECAP_TRY(linux::stat_at(dir.get(), (run_id + ".stdout").c_str(), 0));
  return RunLog(std::move(dir), run_id, control);
}

base::Status RunLog::pump() {
  RECAP_TRY(stdout_.pump(out_, escape_out_));
  return stderr_.pump(err_, escape_err_);
}

base::Result<run::Event> follow_log(const capsule::Dirs& dirs, const capsule::Run& run,
                                    Control control) {
  auto log = RunLog::open(dirs.records(), run.id, control);
  if (!log && log.error().kind() != base::Kind::kNotFound) {
    return std::move(log).error();
  }
  capsule::KeeperLink link = RECAP_TRY(capsule::KeeperLink::connect(dirs, run.id));
  // Who attaches to a terminal takes its output away from the log: there, the end of the keeper has
  // to do as the end of the run.
  const bool terminal = run.spec && run.spec->spec.terminal;
  if (!terminal) {
    RECAP_TRY(link.send(run::Command{.type = run::CommandType::kAttach}));
  }
  for (;;) {
    auto answer = link.receive(kLookMs);
    if (log) {
      RECAP_TRY(log->pump());
    }
    if (answer && answer->event.type == run::EventType::kDone) {
      return answer->event;
    }
    if (terminal && !answer && answer.error().kind() == base::Kind::kGone) {
      return run::Event{.type = run::EventType::kDone};
    }
    if (!answer && answer.error().kind() != base::Kind::kTimeout) {
      return std::move(answer).error();
    }
  }
}

}  // namespace recap::cli
