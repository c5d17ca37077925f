// SPDX-License-Identifier: Apache-2.0
// recap attach RUN: the run's terminal becomes ours; a run without one is followed.
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "capsule/follow.h"
#include "capsule/keeper_link.h"
#include "capsule/recover.h"
#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/log_follow.h"
#include "cli/verbs.h"
#include "console/output.h"

namespace recap::cli {
namespace {

using base::Error;
using base::Kind;
using base::Result;

int finish_done(const run::Event& done) {
  if (const std::string_view message = capsule::message_of(done); !message.empty()) {
    complain("attach", message);
  }
  return done.exit_code;
}

Error keeper_gone(const capsule::Dirs& dirs, const std::string& id) {
  const auto recovered = capsule::recover_run(dirs.state, id);
  if (recovered) {
    return {Kind::kGone,
            base::concat<200>("the keeper of ", id, " was killed; its run was cleaned up")};
  }
  return {
      recovered.error().kind(),
      base::concat<400>("the keeper of ", id, " does not answer: ", recovered.error().message())};
}

Result<int> use_terminal(const capsule::Dirs& dirs, const capsule::Run& run,
                         const std::string& detach_keys) {
  if (::isatty(STDIN_FILENO) == 0) {
    return Error(
        Kind::kInvalid,
        base::concat<160>("the run ", run.id, " has a terminal, so attach needs one on stdin"));
  }
  const capsule::FollowOptions options{
      .terminal = true,
      .is_visitor = true,
      .grace_ms = run.spec->spec.limits.grace_ms,
      .detach_keys = RECAP_TRY(capsule::parse_detach_keys(detach_keys))};
  capsule::KeeperLink link = RECAP_TRY(capsule::KeeperLink::connect(dirs, run.id));
  const auto signals = RECAP_TRY(capsule::SignalWatch::start());
  RECAP_TRY(link.send(run::Command{.type = run::CommandType::kAttach}));
  std::vector<capsule::Relay> relays;
  const capsule::Outcome outcome =
      RECAP_TRY(capsule::follow(options, std::move(link).release(), signals, relays));
  switch (outcome.end) {
    case capsule::Outcome::End::kDone:
      return finish_done(outcome.event);
    case capsule::Outcome::End::kKeeperGone:
      return keeper_gone(dirs, run.id);
    default:
      complain("attach", "detached from " + run.id);
      return 0;
  }
}

Result<int> follow_output(const capsule::Dirs& dirs, const capsule::Run& run) {
  const auto done = follow_log(dirs, run, Control::kEscapedOnTerminals);
  if (done) {
    return finish_done(*done);
  }
  return done.error().kind() == Kind::kGone ? keeper_gone(dirs, run.id) : done.error();
}

Result<int> attach_to(const std::string& reference, const std::string& detach_keys) {
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  const auto run = RECAP_TRY(capsule::find_run(dirs, reference, capsule::Among::kLive));
  if (run.life == capsule::Life::kDead) {
    return keeper_gone(dirs, run.id);
  }
  const bool terminal = run.spec && run.spec->spec.terminal;
  return terminal ? use_terminal(dirs, run, detach_keys) : follow_output(dirs, run);
}

}  // namespace

int attach(std::span<char*> args) {
  std::string reference;
  std::string detach_keys = capsule::kDefaultDetachKeys;
  Command command("attach");
  command.bind("--detach-keys", detach_keys).operand(reference);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const auto code = attach_to(reference, detach_keys);
  return code ? *code : fail("attach", code.error());
}

}  // namespace recap::cli
