// SPDX-License-Identifier: Apache-2.0
// Escape: undo everything a Run made, verify it, write the record, answer.
//
// One way out for every end: normal, asked for, deadline, dead target, failure at any step of Run,
// and (recover.cc) a dead keeper. Every step treats "missing" as success and none stops the next.
#include <sys/wait.h>

#include <csignal>

#include "engine/artifact.h"
#include "engine/confine.h"
#include "keeper/active_run.h"
#include "keeper/books.h"
#include "keeper/clients.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::keeper {

namespace {

using run::Reason;

constexpr std::int64_t kKillRoundMs = 2;
constexpr std::uint64_t kKillDeadlineMs = 5000;
constexpr std::uint64_t kStubDeadlineMs = 2000;
constexpr std::int64_t kStubPatienceMs = 50;
constexpr std::uint64_t kTargetDeathMs = 300;

std::uint64_t ms_since(std::uint64_t start_ns) {
  return (linux::monotonic_ns() - start_ns) / 1'000'000;
}

// A pid namespace dies stubs first, its init last; so when both stubs went without a word, the
// target may just be a moment behind.
void tell_target_death_apart(ActiveRun& run, Reason& reason) {
  const bool lost = run.outer_stub_lost || run.inner_stub_lost;
  if (reason != Reason::kFailed || !(run.stubs_left || lost)) {
    return;
  }
  const std::uint64_t start = linux::monotonic_ns();
  while (!run.target_gone && ms_since(start) < kTargetDeathMs) {
    watch_once(run, static_cast<std::int64_t>(kTargetDeathMs - ms_since(start)));
  }
  if (run.target_gone) {
    reason = Reason::kTargetGone;
  } else {
    run.set_message("the stub was killed from outside, and the function with it");
  }
}

// SIGTERM and the grace period, for a function that can still use them.
void ask_function_to_end(ActiveRun& run, Reason reason) {
  if (!run.function.valid() || run.function_ended || reason == Reason::kTargetGone) {
    return;
  }
  // Asked again while it waits, the keeper takes the new grace: the second Ctrl-C is impatient.
  const auto grace_left = [&run, start = linux::monotonic_ns()]() -> std::uint64_t {
    const bool asked = run.asked_to_end == Reason::kStopped;
    const std::uint64_t grace = asked ? run.grace_ms : run.spec.limits.grace_ms;
    return grace - std::min(grace, ms_since(start));
  };
  run.killed_by_us = true;
  (void)linux::send_signal(run.function.get(), run.first_signal);
  (void)linux::send_signal(run.function.get(), SIGCONT);
  while (!run.function_ended && !run.stubs_left && !run.target_gone && grace_left() > 0) {
    watch_once(run, static_cast<std::int64_t>(grace_left()));
  }
}

// No fork can succeed any more, so each round leaves fewer.
void kill_everything(ActiveRun& run) {
  if (!run.cgroup || run.cgroup->empty()) {
    return;
  }
  (void)run.cgroup->forbid_forks();
  const std::uint64_t start = linux::monotonic_ns();
  while (!run.cgroup->empty()) {
    (void)run.cgroup->kill_everything();
    watch_once(run, kKillRoundMs);
    if (ms_since(start) > kKillDeadlineMs) {
      run.add_residue("process", "a process of the run does not die (uninterruptible sleep?)");
      return;
    }
  }
}

// The stubs leave by themselves when nothing is left to reap. Only one that does not is killed, for
// its children would then be zombies in the target.
void wait_for_stubs(ActiveRun& run) {
  if (!run.stub.valid()) {
    return;
  }
  const std::uint64_t start = linux::monotonic_ns();
  while (!run.stubs_left && ms_since(start) < kStubDeadlineMs) {
    watch_once(run, kStubPatienceMs);
    if (!run.stubs_left) {  // the target's root may have stopped them
      (void)linux::send_signal(run.stub.get(), SIGCONT);
      if (run.inner_stub.valid()) {
        (void)linux::send_signal(run.inner_stub.get(), SIGCONT);
      }
    }
  }
  if (!run.stubs_left) {
    (void)linux::send_signal(run.stub.get(), SIGKILL);
    run.add_residue("process", "a stub did not leave by itself and was killed");
  }
  if (run.outer_stub_lost && !run.target_gone) {
    run.add_residue("zombie",
                    "the outer stub was killed from outside; the target's first process has to "
                    "reap the inner one");
  }
}

// The kernel reaps the outer stub for us (SIGCHLD is ignored), but only while we live: a keeper
// that leaves first bequeaths a zombie to the host's init. Its line ended early in its exit, so
// what can be done meanwhile is done.
void see_the_stub_off(ActiveRun& run) {
  if (!run.stub.valid()) {
    return;
  }
  run.layers.upper.reset();  // the last hold on the scratch space
  linux::PollFd end[] = {{.fd = run.stub.get(), .events = linux::kPollIn}};
  if (linux::poll(end, static_cast<std::int64_t>(kStubDeadlineMs)).value_or(0) == 0) {
    run.add_residue("process", "a stub does not die (uninterruptible sleep?)");
  }
}

void drain_output(ActiveRun& run) {
  constexpr std::int64_t kQuietMs = 200;  // all writers are dead: the end of file is near
  while (run.output[0].valid() || run.output[1].valid()) {
    linux::PollFd fds[] = {{.fd = run.output[0].get(), .events = linux::kPollIn},
                           {.fd = run.output[1].get(), .events = linux::kPollIn}};
    if (linux::poll(fds, kQuietMs).value_or(0) == 0) {
      return;
    }
    watch_once(run, 0);
  }
}

void hand_over_artifacts(ActiveRun& run) {
  if (!run.out.valid() || !run.function_forked) {
    return;
  }
  const auto copied = run.spec.out == run::OutMode::kFile
                          ? engine::copy_single_artifact(run.out.get(), run::kOutFd)
                          : engine::copy_artifacts(run.out.get(), run::kOutFd);
  if (!copied) {
    run.set_message(copied.error().message());
  }
  run.out.reset();
}

void remove_cgroup(ActiveRun& run) {
  if (!run.cgroup) {
    return;
  }
  run.record.memory_peak_bytes = run.cgroup->memory_peak();
  if (const auto removed = run.cgroup->remove(); !removed) {
    run.add_residue("cgroup", removed.error().message());
  }
}

// Nothing of ours can be in the target's mount table; if it changed, somebody should know when.
void look_at_target_mounts(ActiveRun& run) {
  linux::PollFd change[] = {{.fd = run.target_mounts.get(), .events = linux::kPollPri}};
  if (run.target_mounts.valid() && !run.target_gone && linux::poll(change, 0).value_or(0) != 0 &&
      run.record.message.empty()) {
    run.set_message("the target's own mounts changed during the run");
  }
}

void tell_residue(ActiveRun& run) {
  if (run.record.residue_count != 0) {
    const run::Residue& first = run.record.residue[0];
    run.set_message(base::concat<512>("residue was found: ", first.what, ": ", first.detail,
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
  constexpr std::int32_t kOurs = 125;
  record.reason = reason;
  record.exit_code = kOurs;
  if (run.function_ended) {
    record.exit_signal = signal_of(run.function_status);
    record.exit_code = code_of(run.function_status);
    if (record.exit_signal == SIGKILL && !run.killed_by_us && run.cgroup &&
        run.cgroup->oom_kills() > 0) {
      record.reason = Reason::kOutOfMemory;
      run.set_message("the function used more memory than its limit and was killed: see --memory");
    }
  }
  switch (reason) {
    case Reason::kDeadline:
      record.exit_code = kDeadlineCode;
      run.set_message("the deadline passed and the function was ended");
      break;
    case Reason::kTargetGone:
      if (!run.function_ended) {
        run.set_message("the target ended, and the run with it");
      }
      break;
    case Reason::kFailed:
      record.exit_code = failure != nullptr ? failure_code : kOurs;
      break;
    default:
      break;
  }
  if (failure != nullptr) {
    record.reason = run.target_gone ? Reason::kTargetGone : Reason::kFailed;
    run.set_message(failure->message());
  }
}

void close_books(ActiveRun& run) {
  if (run.ids.block_first != 0) {
    const std::uint64_t block = (run.ids.block_first - engine::kFirstUid) / engine::kIdsPerRun;
    if (const auto released = engine::release_ids(run.state_dir.get(), block, run.spec.run_id);
        !released) {
      run.add_residue("file", released.error().message());
    }
  }
  run::Record& record = run.record;
  const std::uint64_t now = linux::monotonic_ns();
  record.f_latency_us = (now - run.spec.requested_ns) / 1000;
  record.escape_us = run.ended_ns != 0 ? (now - run.ended_ns) / 1000 : 0;
  record.log_dropped_bytes = run.logs[0].dropped_bytes() + run.logs[1].dropped_bytes();
  record.residue_verified = record.residue_count == 0;
  tell_residue(run);
  if (record.residue_count != 0 && !run.function_ended) {
    record.exit_code = 125;
  }
  if (run.record_file.valid()) {
    if (const auto written = write_record(run); !written) {
      run.set_message(written.error().message());
    }
  }
  if (run.run_dir.valid()) {
    (void)remove_run_dir(run);  // what stays is found by the next command, with its ledger
  }
}

}  // namespace

void escape(ActiveRun& run, Reason reason, const Error* failure, int failure_code) {
  run.escaping = true;
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
  wait_for_stubs(run);
  // Nothing of the run lives any more; its mounts and namespaces went with the stubs.
  drain_output(run);
  hand_over_artifacts(run);
  look_at_target_mounts(run);
  see_the_stub_off(run);
  close_books(run);
  answer_everybody(run);
}

}  // namespace recap::keeper
