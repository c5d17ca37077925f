// SPDX-License-Identifier: Apache-2.0
// recap run: start a keeper; meanwhile find, pin, admit, stage; give it the run and follow it.
#include <unistd.h>

#include <optional>
#include <string>

#include "capsule/admit.h"
#include "capsule/artifacts.h"
#include "capsule/follow.h"
#include "capsule/keeper_link.h"
#include "capsule/record_json.h"
#include "capsule/recover.h"
#include "capsule/runs.h"
#include "capsule/stage.h"
#include "capsule/start.h"
#include "capsule/stdio.h"
#include "cli/manual.h"
#include "cli/run_advice.h"
#include "cli/run_options.h"
#include "cli/run_verb.h"
#include "cli/verbs.h"
#include "console/output.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::cli {
namespace {

// How many other runs a start looks at to find dead ones. Other verbs look at all.
constexpr std::size_t kRecoverAtOnce = 64;

// The places that the run writes to for its user; they come into being when it is over.
struct Deliveries {
  std::optional<capsule::NewFile> artifact, report;
};

base::Result<capsule::Admitted> find_and_admit(const RunOptions& options,
                                               const capsule::Dirs& dirs) {
  const capsule::RunRequest& request = options.request;
  const targets::Roots roots = targets::roots_from_env();
  auto found = targets::find(request.target, roots);
  if (!found) {
    return options.terminal_by_itself
               ? or_target_is_missing(std::move(found).error(), request.target, dirs)
               : or_words_are_swapped(std::move(found).error(), request, roots);
  }
  auto target = RECAP_TRY(targets::pin(*std::move(found), roots));
  auto image = RECAP_TRY(capsule::stage_image(dirs, request.image, options.pull, options.quiet));
  return capsule::admit(request, std::move(target), std::move(image), dirs);
}

base::Result<linux::UniqueFd> open_deliveries(const RunOptions& options, capsule::Admitted& run,
                                              Deliveries& deliveries) {
  if (!options.request.report.empty()) {
    deliveries.report.emplace(RECAP_TRY(capsule::NewFile::create(options.request.report)));
  }
  capsule::OutPlace place = RECAP_TRY(capsule::open_out(options.request.out));
  run.out = place.mode;
  if (run.detached && place.mode == run::OutMode::kFile) {
    return base::Error(
        base::Kind::kInvalid,
        "-d returns before there is an artifact: name a directory, as in --out DIR/");
  }
  if (place.mode == run::OutMode::kFile && !place.descriptor.valid()) {
    deliveries.artifact.emplace(RECAP_TRY(capsule::NewFile::create(options.request.out)));
    place.descriptor = RECAP_TRY(linux::duplicate(deliveries.artifact->fd()));
  }
  return std::move(place.descriptor);
}

// A keeper that has nothing to do yet, and what we have to relay.
struct Prepared {
  capsule::WaitingKeeper keeper;
  std::vector<capsule::Relay> relays;
};

base::Status start_early(const RunOptions& options, Prepared& prepared) {
  const capsule::RunRequest& request = options.request;
  capsule::Stdio stdio = RECAP_TRY(capsule::connect_stdio({
      .interactive = request.detached ? false : request.interactive,
      .terminal = request.terminal,
      .detached = request.detached,
      .stdout_is_taken = request.out == "-",
  }));
  prepared.relays = std::move(stdio.relays);
  return prepared.keeper.start({std::move(stdio.in), std::move(stdio.out), std::move(stdio.err)},
                               capsule::kCgroupParent);
}

base::Status write_report(const capsule::Dirs& dirs, const std::string& run_id,
                          capsule::NewFile& report) {
  const capsule::StoredRecord stored = RECAP_TRY(capsule::read_record(dirs, run_id));
  RECAP_TRY(write_all(report.fd(), capsule::record_json(stored.record)));
  return report.commit();
}

// An artifact is kept when it is complete, also of a run that a deadline ended.
base::Status keep_artifact(capsule::NewFile& artifact, const run::Event& done) {
  return done.artifacts_complete != 0 ? artifact.commit() : base::Status();
}

int finish_done(const capsule::Dirs& dirs, const std::string& run_id, const run::Event& done,
                Deliveries& deliveries) {
  int code = done.exit_code;
  const std::string_view message = capsule::message_of(done);
  if (!message.empty()) {
    complain("run", message);
  }
  if (deliveries.artifact) {
    if (auto ok = keep_artifact(*deliveries.artifact, done); !ok) {
      code = fail("run", ok.error());
    }
  }
  if (deliveries.report) {
    auto ok = write_report(dirs, run_id, *deliveries.report);
    // A run that never started has no record; why it did not was just said.
    if (!ok && (ok.error().kind() != base::Kind::kNotFound || message.empty())) {
      code = fail("run", std::move(ok.error()).context("--report"));
    }
  }
  return code;
}

std::string what_recovery_found(const capsule::Dirs& dirs, const std::string& run_id) {
  const auto stored = capsule::read_record(dirs, run_id);
  if (!stored) {
    return "its run was ended, and left no record: " + std::string(stored.error().message());
  }
  const run::Record& record = stored->record;
  return record.residue_count == 0 ? "its run was cleaned up" : std::string(record.message);
}

int finish_keeper_gone(const capsule::Dirs& dirs, const std::string& run_id,
                       Deliveries& deliveries) {
  if (const auto recovered = capsule::recover_run(dirs.state, run_id); !recovered) {
    complain("run", "the keeper of " + run_id +
                        " was killed, and its run could not be cleaned up: " +
                        std::string(recovered.error().message()));
    return kExitOurs;
  }
  complain("run", "the keeper of " + run_id + " was killed; " + what_recovery_found(dirs, run_id));
  if (deliveries.report) {
    (void)write_report(dirs, run_id, *deliveries.report);
  }
  return kExitOurs;
}

int finish(const capsule::Dirs& dirs, const capsule::Admitted& run, const RunOptions& options,
           const capsule::Outcome& outcome, Deliveries& deliveries) {
  using End = capsule::Outcome::End;
  switch (outcome.end) {
    case End::kDone:
      return finish_done(dirs, run.run_id, outcome.event, deliveries);
    case End::kAttached: {
      Output out;
      out << run.run_id << "\n";
      return out.finish("run");
    }
    case End::kDetached:
      if (!options.quiet) {
        complain("run", "detached from " + run.run_id + "; `recap attach " + run.run_id +
                            "` comes back to it");
      }
      return 0;
    case End::kKeeperGone:
      break;
  }
  return finish_keeper_gone(dirs, run.run_id, deliveries);
}

// Files of --out and --report get their names from us, when the run is over: whoever detached would
// not be there, and lose them.
base::Result<std::string> detach_keys_of(const RunOptions& options, const Deliveries& deliveries) {
  if (!deliveries.artifact && !deliveries.report) {
    return options.detach_keys ? *options.detach_keys
                               : capsule::parse_detach_keys(capsule::kDefaultDetachKeys);
  }
  if (options.detach_keys && !options.detach_keys->empty()) {
    return base::Error(base::Kind::kInvalid,
                       "who detaches loses the files of --out and --report: name a directory with "
                       "--out DIR/ and use `recap inspect` later, or leave out --detach-keys");
  }
  return std::string();
}

base::Result<int> follow_run(const RunOptions& options, const capsule::Dirs& dirs,
                             capsule::Admitted run, Prepared& prepared) {
  Deliveries deliveries;
  linux::UniqueFd artifacts = RECAP_TRY(open_deliveries(options, run, deliveries));
  const std::string detach_keys = RECAP_TRY(detach_keys_of(options, deliveries));
  const auto signals = RECAP_TRY(capsule::SignalWatch::start());
  linux::UniqueFd image_hold = RECAP_TRY(image::hold(dirs.store(), run.image.digest, dirs.state));
  linux::UniqueFd spec = RECAP_TRY(capsule::stage_spec(run, dirs));
  const bool is_named = run.name != run.run_id;
  if (is_named) {
    (void)capsule::recover_dead_runs(dirs.state);  // one of them may have the name still
  }
  linux::UniqueFd events = RECAP_TRY(
      prepared.keeper.assign({std::move(spec), std::move(run.target.pidfd), std::move(artifacts)}));
  if (!is_named) {
    // While the keeper works: somebody has to clean up after keepers that were killed.
    (void)capsule::recover_dead_runs(dirs.state, kRecoverAtOnce);
  }
  const capsule::FollowOptions follow_options{.terminal = run.terminal && !run.detached,
                                              .until_attached = run.detached,
                                              .grace_ms = run.limits.grace_ms,
                                              .detach_keys = detach_keys,
                                              .until_first_event = &image_hold,
                                              .keeper = prepared.keeper.process().get()};
  const capsule::Outcome outcome =
      RECAP_TRY(capsule::follow(follow_options, std::move(events), signals, prepared.relays));
  return finish(dirs, run, options, outcome, deliveries);
}

base::Status check_terminal(RunOptions& options) {
  const bool has_terminal = ::isatty(STDIN_FILENO) != 0;
  if (options.terminal_by_itself && has_terminal && !options.request.detached) {
    options.request.interactive = options.request.terminal = ::isatty(STDOUT_FILENO) != 0;
  }
  if (options.terminal_by_itself && !has_terminal) {
    options.request.interactive = true;  // commands from a pipe
  }
  if (options.request.terminal && !options.request.detached && !has_terminal) {
    return base::Error(base::Kind::kInvalid,
                       "-t needs a terminal on stdin: leave it out here, -i is enough");
  }
  return {};
}

base::Result<int> run_or_say(RunOptions options) {
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  RECAP_TRY(check_terminal(options));
  RECAP_TRY(dirs.ensure());
  const capsule::StdioFlags stdio_flags;
  if (options.dry_run) {
    const capsule::Admitted run = RECAP_TRY(find_and_admit(options, dirs));
    Output out;
    out << capsule::admitted_json(run);
    return out.finish("run");
  }
  Prepared prepared;
  RECAP_TRY(start_early(options, prepared));
  capsule::Admitted run = RECAP_TRY(find_and_admit(options, dirs));
  return follow_run(options, dirs, std::move(run), prepared);
}

}  // namespace

int run_verb(std::string_view verb, std::span<char*> args) {
  const std::uint64_t requested_ns = linux::monotonic_ns();
  auto options = parse_run_options(verb, args);
  if (!options) {
    return fail(verb, options.error());
  }
  if (options->help) {
    Output out;
    out << help_of(program(), *manual_of(verb));
    return out.finish(verb);
  }
  options->request.requested_ns = requested_ns;
  auto code = run_or_say(*std::move(options));
  return code ? *code : fail(verb, code.error());
}

int run(std::span<char*> args) { return run_verb("run", args); }

}  // namespace recap::cli
