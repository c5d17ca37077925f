// SPDX-License-Identifier: Apache-2.0
// Escape: undo everything a Run made, verify it, write the record, answer.
//
// One way out for every end: normal, asked for, deadline, dead target, failure at any step of Run,
// and (recover.cc) a dead keeper. Every step treats "missing" as success and none stops the next.
#include <sys/wait.h>

#include <csignal>
#include <utility>

#include "engine/confine.h"
#include "keeper/active_run.h"
#include "keeper/books.h"
#include "keeper/clients.h"
#include "keeper/ending.h"
#include "keeper/hand_over.h"
#include "keeper/held.h"
#include "keeper/look.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::keeper {

namespace {

using run::Reason;

constexpr std::int32_t kOurs = 125;

// Nothing of ours can be in the target's mount table; if it changed, somebody should know when.
void look_at_target_mounts(ActiveRun& run) {
  linux::PollFd change[] = {{.fd = run.target_mounts.get(), .events = linux::kPollPri}};
  if (run.target_mounts.valid() && !run.target_gone && linux::poll(change, 0).value_or(0) != 0 &&
      run.record.message.empty()) {
    run.say("the target's own mounts changed during the run");
  }
}

void tell_residue(ActiveRun& run) {
  if (run.record.residue_count != 0) {
    const run::Residue& first = run.record.residue[0];
    run.say(base::concat<512>("residue was found: ", first.what, ": ", first.detail,
                              run.record.residue_count > 1 ? ", and more" : "",
                              "; see recap inspect ", run.spec.run_id));
  }
}

std::int32_t signal_of(std::int32_t status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

std::int32_t code_of(std::int32_t status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void decide_outcome(ActiveRun& run, Reason reason, const Error* failure, int failure_code) {
  run::Record& record = run.record;
  constexpr std::int32_t kDeadlineCode = 124;
  constexpr std::int32_t kSignalled = 128;
  record.reason = reason;
  record.exit_code = kOurs;
  if (run.function_ended) {
    record.exit_signal = signal_of(run.function_status);
    record.exit_code = code_of(run.function_status);
    if (record.exit_signal == SIGKILL && !run.killed_by_us && run.cgroup &&
        run.cgroup->oom_kills() > 0) {
      record.reason = Reason::kOutOfMemory;
      run.say("the function used more memory than its limit and was killed: see --memory");
    }
  }
  switch (reason) {
    case Reason::kDeadline:
      record.exit_code = kDeadlineCode;
      run.say("the deadline passed and the function was ended");
      break;
    case Reason::kTargetGone:
      if (!run.function_ended) {
        run.say("the target ended, and the run with it");
      }
      break;
    case Reason::kStopped:
      record.exit_code = failure != nullptr ? kSignalled + run.first_signal : record.exit_code;
      break;
    case Reason::kFailed:
      record.exit_code = failure != nullptr ? failure_code : kOurs;
      break;
    default:
      break;
  }
  if (failure != nullptr) {
    record.reason = run.target_gone ? Reason::kTargetGone : reason;
    run.say(failure->message());
  }
}

void release_ids(ActiveRun& run) {
  if (run.ids.block_first == 0 || run.unfinished) {
    return;  // nobody else may get the uid of a process that lives
  }
  const std::uint64_t block = (run.ids.block_first - engine::kFirstUid) / engine::kIdsPerRun;
  if (const auto released = engine::release_ids(run.state_dir.get(), block, run.spec.run_id);
      !released) {
    run.add_residue("file", released.error().message());
  }
}

// What stays in the run's directory is found by the next command, with its ledger.
void close_run_dir(ActiveRun& run) {
  if (!run.run_dir.valid()) {
    return;
  }
  if (run.unfinished && run.ledger) {
    (void)run.ledger->append({.step = run::Step::kLeft});
  } else {
    (void)remove_run_dir(run);
  }
}

void close_books(ActiveRun& run) {
  release_ids(run);
  run::Record& record = run.record;
  const std::uint64_t now = linux::monotonic_ns();
  record.f_latency_us = (now - run.spec.requested_ns) / 1000;
  record.escape_us = run.ended_ns != 0 ? (now - run.ended_ns) / 1000 : 0;
  record.log_dropped_bytes = run.logs[0].dropped_bytes() + run.logs[1].dropped_bytes();
  record.residue_verified = record.residue_count == 0;
  tell_residue(run);
  if (run.artifacts_failed || (record.residue_count != 0 && !run.function_ended)) {
    record.exit_code = kOurs;
  }
  if (!run.record_file.valid() && run.ledger && !run.spec.record_dir.empty()) {
    (void)open_record(run);  // of a run that ended before it had one
  }
  if (run.record_file.valid()) {
    if (const auto written = write_record(run); !written) {
      run.say(written.error().message());
    }
  }
  close_run_dir(run);
}

bool is_of_unfinished_escape(const run::Residue& residue) {
  return residue.what == "process" || residue.what == "cgroup";
}

}  // namespace

void escape(ActiveRun& run, Reason reason, const Error* failure, int failure_code) {
  if (run.stubs_memory != nullptr &&
      linux::set_first(run.stubs_memory->gate, engine::kGateGivenUp)) {
    run.gate_open = false;
  }
  if (!run.gate_open) {
    run.messages.reset();  // a stub at its gate sees that and leaves
  }
  if (run.ledger) {
    (void)run.ledger->append({.step = run::Step::kEscape, .a = static_cast<std::uint64_t>(reason)});
  }
  tell_target_death_apart(run, reason);
  ask_function_to_end(run, reason);
  kill_everything(run);
  decide_outcome(run, reason, failure, failure_code);
  remove_cgroup(run);  // it is empty, and the stubs, which leave meanwhile, are not in it
  remove_ipc_objects(run);
  wait_for_stubs(run);
  end_connections(run);
  compare_target(run);
  // Nothing of the run lives any more; its mounts and namespaces went with the stubs, unless
  // somebody else holds them.
  watch_files(run);
  drain_output(run);
  hand_over_artifacts(run);
  look_at_target_mounts(run);
  see_our_children_off(run);
  look_for_held_files(run);
  close_books(run);
  answer_everybody(run);
}

void finish_escape(ActiveRun& run) {
  const std::array<run::Residue, run::kMaxResidue> named = run.record.residue;
  const std::size_t named_count = std::exchange(run.record.residue_count, 0);
  const std::uint64_t memory_peak = run.record.memory_peak_bytes;
  // Every command comes by here as long as it is in vain.
  run.patience = {.kill_ms = 100, .stub_ms = 100};
  kill_everything(run);
  remove_cgroup(run);
  remove_ipc_objects(run);
  wait_for_stubs(run);
  see_our_children_off(run);
  look_for_held_files(run);
  release_ids(run);
  if (run.unfinished) {
    return;
  }
  for (std::size_t i = 0; i < named_count; ++i) {
    if (!is_of_unfinished_escape(named[i])) {
      run.add_residue(named[i].what, named[i].detail);
    }
  }
  run.record.memory_peak_bytes = memory_peak;
  run.record.residue_verified = run.record.residue_count == 0;
  run.message_text.clear();
  run.say("what this run left when it ended was removed by a later command");
  (void)write_record(run);
  (void)remove_run_dir(run);
}

}  // namespace recap::keeper
