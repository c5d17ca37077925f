// SPDX-License-Identifier: Apache-2.0
#include "cli/run_files.h"

#include <time.h>

#include <utility>

#include "capsule/keeper_link.h"
#include "linux/process.h"

namespace recap::cli {
namespace {

constexpr std::int64_t kAnswerMs = 5000;

using base::Error;
using base::Kind;
using capsule::KeeperLink;

base::Result<KeeperLink::Answer> ask(KeeperLink& link, const std::string& run_id,
                                     run::CommandType question, run::EventType wanted) {
  RECAP_TRY(link.send(run::Command{.type = question}));
  for (;;) {
    auto answer = RECAP_TRY(link.receive(kAnswerMs).context(run_id));
    if (answer.event.type == run::EventType::kDone) {
      return Error(Kind::kGone, base::concat<120>("the run ", run_id, " has ended"));
    }
    if (answer.event.type == wanted) {
      return answer;
    }
  }
}

// The keeper tells times since the request, in microseconds of the monotonic clock.
std::int64_t wall_clock_of(const capsule::Run& run, std::uint64_t attach_us) {
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  const std::uint64_t requested = run.spec ? run.spec->spec.requested_ns : 0;
  const auto since = static_cast<std::int64_t>(linux::monotonic_ns() - requested);
  return wall.tv_sec * 1'000'000'000 + wall.tv_nsec - since +
         static_cast<std::int64_t>(attach_us) * 1000;
}

}  // namespace

base::Result<RunFiles> files_of(const capsule::Dirs& dirs, const capsule::Run& run) {
  if (run.life == capsule::Life::kDead) {
    return Error(Kind::kGone,
                 base::concat<120>("the keeper of ", run.id, " is gone, and its files with it"));
  }
  KeeperLink link = RECAP_TRY(KeeperLink::connect(dirs, run.id));
  const auto attached =
      RECAP_TRY(ask(link, run.id, run::CommandType::kAttach, run::EventType::kAttached));
  auto files = RECAP_TRY(ask(link, run.id, run::CommandType::kFiles, run::EventType::kFiles));
  if (!files.first.valid() || !files.second.valid()) {
    return Error(Kind::kUnsupported,
                 base::concat<120>("the run ", run.id, " has no files of its own (yet)"));
  }
  return RunFiles{std::move(files.first), std::move(files.second),
                  wall_clock_of(run, attached.event.attach_us)};
}

}  // namespace recap::cli
