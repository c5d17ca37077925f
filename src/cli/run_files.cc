// SPDX-License-Identifier: Apache-2.0
#include "cli/run_files.h"

#include <utility>

#include "capsule/keeper_link.h"

namespace recap::cli {
namespace {

constexpr std::int64_t kAnswerMs = 5000;

}  // namespace

base::Result<RunFiles> files_of(const capsule::Dirs& dirs, const capsule::Run& run) {
  if (run.life == capsule::Life::kDead) {
    return base::Error(base::Kind::kGone, base::concat<120>("the keeper of ", run.id,
                                                            " is gone, and its files with it"));
  }
  capsule::KeeperLink link = RECAP_TRY(capsule::KeeperLink::connect(dirs, run.id));
  const run::Command command{.type = run::CommandType::kFiles};
  RECAP_TRY(link.send(command));
  for (;;) {
    auto answer = RECAP_TRY(link.receive(kAnswerMs).context(run.id));
    if (answer.event.type == run::EventType::kDone) {
      return base::Error(base::Kind::kGone, base::concat<120>("the run ", run.id, " has ended"));
    }
    if (answer.event.type != run::EventType::kFiles) {
      continue;
    }
    if (!answer.first.valid() || !answer.second.valid()) {
      return base::Error(base::Kind::kUnsupported,
                         base::concat<120>("the run ", run.id, " has no files of its own (yet)"));
    }
    return RunFiles{std::move(answer.first), std::move(answer.second)};
  }
}

}  // namespace recap::cli
