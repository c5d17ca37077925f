// SPDX-License-Identifier: Apache-2.0
#include "keeper/ending.h"

#include <csignal>

#include "engine/ipc.h"
#include "keeper/held.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::keeper {

namespace {

using run::Reason;

constexpr std::int64_t kKillRoundMs = 2;
constexpr std::int64_t kRemoveRoundMs = 1;
constexpr std::uint64_t kRemoveDeadlineMs = 500;
constexpr std::int64_t kStubPatienceMs = 50;
constexpr std::uint64_t kTargetDeathMs = 300;

void leave(ActiveRun& run, std::string_view what, std::string_view detail) {
  run.add_residue(what, detail);
  run.unfinished = true;
}

std::uint64_t ms_since(std::uint64_t start_ns) {
  return (linux::monotonic_ns() - start_ns) / 1'000'000;
}

// A pid namespace dies stubs first, its init last; so when both stubs went without a word, the
// target may just be a moment behind.
bool target_dies(ActiveRun& run) {
  const std::uint64_t start = linux::monotonic_ns();
  while (!run.target_gone && ms_since(start) < kTargetDeathMs) {
    (void)watch_once(run, static_cast<std::int64_t>(kTargetDeathMs - ms_since(start)));
  }
  return run.target_gone;
}

// The outer stub reaps the inner one before it leaves. When it was killed, the inner one went to
// the target's first process, which may or may not reap.
void name_orphan(ActiveRun& run) {
  constexpr std::int64_t kReapingMs = 20;
  const auto is_there = [&run] {
    return run.inner_stub.valid() && linux::send_signal(run.inner_stub.get(), 0);
  };
  if (!is_there() || target_dies(run)) {
    return;
  }
  (void)linux::poll({}, kReapingMs);
  if (is_there()) {
    run.add_residue("zombie",
                    "the outer stub was killed from outside; the target's first process has to "
                    "reap the inner one");
  }
}

// The inner stub, and a function that was stopped before it came to its cgroup. A child's number is
// its own as long as its parent, which is stopped or waits, does not reap it.
constexpr int kLevelsBelowStub = 2;
void continue_below(std::uint64_t pid, int levels) {
  std::array<char, 1024> buffer;
  const auto path = base::concat<64>("/proc/", pid, "/task/", pid, "/children");
  const auto children = linux::read_file_at(linux::kCwd, path.c_str(), buffer);
  std::string_view rest = children && levels > 0 ? *children : std::string_view();
  while (!rest.empty()) {
    if (const auto child = linux::parse_number(linux::next_word(rest))) {
      (void)linux::send_signal_to(static_cast<int>(*child), SIGCONT);
      continue_below(*child, levels - 1);
    }
  }
}

}  // namespace

void tell_target_death_apart(ActiveRun& run, Reason& reason) {
  const bool lost = run.outer_stub_lost || run.inner_stub_lost;
  if (reason != Reason::kFailed || run.failure_told || !(run.stubs_left || lost)) {
    return;
  }
  if (target_dies(run)) {
    reason = Reason::kTargetGone;
  } else if (run.cgroup && run.cgroup->oom_kills() > 0) {
    run.say("the memory limit is too small for the function to start: see --memory");
  } else if (run.is_attached) {  // before, the failure to attach says it
    run.say("the stub was killed from outside, and the function with it");
  }
}

void ask_function_to_end(ActiveRun& run, Reason reason) {
  if (!run.is_attached || !run.function.valid() || run.function_ended ||
      reason == Reason::kTargetGone) {
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
    (void)watch_once(run, static_cast<std::int64_t>(grace_left()));
  }
}

// No fork can succeed any more, so each round leaves fewer.
void kill_everything(ActiveRun& run) {
  if (!run.cgroup || run.cgroup->empty().value_or(false)) {
    return;
  }
  run.used_storage = true;  // nobody tells of those that are killed
  (void)run.cgroup->forbid_forks();
  const std::uint64_t start = linux::monotonic_ns();
  for (Result<bool> empty = false; !empty || !*empty; empty = run.cgroup->empty()) {
    (void)run.cgroup->kill_everything();
    (void)watch_once(run, kKillRoundMs);
    if (ms_since(start) > run.patience.kill_ms) {
      leave(run, "process",
            empty ? "a process of the run does not die (uninterruptible sleep?)"
                  : empty.error().message());
      return;
    }
  }
}

void remove_cgroup(ActiveRun& run) {
  if (!run.cgroup) {
    return;
  }
  run.record.memory_peak_bytes = run.cgroup->memory_peak();
  look_for_held_memory(run);
  const std::uint64_t start = linux::monotonic_ns();
  Status removed = run.cgroup->remove(run.used_storage);
  while (!removed && removed.error().kind() == base::Kind::kBusy && !run.unfinished &&
         ms_since(start) < kRemoveDeadlineMs) {
    // An exiting task leaves its cgroup a moment after it is reaped; and a function that a dead
    // keeper had let through the gate may have joined only now.
    (void)run.cgroup->kill_everything();
    (void)watch_once(run, kRemoveRoundMs);
    removed = run.cgroup->remove(false);
  }
  if (!removed) {
    leave(run, "cgroup", removed.error().message());
  }
}

void remove_ipc_objects(ActiveRun& run) {
  if (!run.target_ipc.valid()) {
    return;
  }
  auto left = [&run](std::string_view what) { run.add_named_residue(what); };
  const Status removed = engine::remove_ipc_objects(run.target_ipc.get(), run.ids, left);
  if (!removed) {
    run.add_residue("unverified", removed.error().message());
  }
}

// The stubs leave by themselves when nothing is left to reap. Once it went through its gate the
// outer one is never killed: its child would become a zombie in the target, where it now only waits
// for one. Before that it has no child, and may be busy with, or wait for, whatever the target and
// the image hold ready for it.
void wait_for_stubs(ActiveRun& run) {
  if (!run.stub.valid()) {
    return;
  }
  if (!run.gate_open) {
    (void)linux::send_signal(run.stub.get(), SIGKILL);
  }
  const std::uint64_t start = linux::monotonic_ns();
  while (!run.stubs_left && !run.unfinished && ms_since(start) < run.patience.stub_ms) {
    (void)watch_once(run, kStubPatienceMs);
    if (!run.stubs_left) {  // the target's root may have stopped them
      (void)linux::send_signal(run.stub.get(), SIGCONT);
      continue_below(run.stub_pid, kLevelsBelowStub);
    }
  }
  if (!run.stubs_left && !run.gate_open) {
    run.stubs_left = true;  // or does not die, which is looked at last
  } else if (!run.stubs_left && !run.unfinished) {
    leave(run, "process", "a stub waits for a process of the run that cannot be reaped");
  }
  if (run.stubs_left) {
    name_orphan(run);
  }
}

// The kernel reaps the outer stub for us (SIGCHLD is ignored), but only while we live: a keeper
// that leaves first bequeaths a zombie to the host's init. Its line ended early in its exit, so
// what can be done meanwhile is done.
void see_our_children_off(ActiveRun& run) {
  const auto patience = static_cast<std::int64_t>(run.patience.stub_ms);
  if (run.new_user_ns) {
    run.new_user_ns->give_up();
    linux::PollFd end[] = {{.fd = run.new_user_ns->holder().get(), .events = linux::kPollIn}};
    (void)linux::poll(end, patience);
  }
  if (!run.stub.valid() || !run.stubs_left) {
    return;
  }
  run.layers.upper.reset();  // the last hold on the scratch space
  linux::PollFd end[] = {{.fd = run.stub.get(), .events = linux::kPollIn}};
  if (linux::poll(end, patience).value_or(0) == 0) {
    leave(run, "process", "a stub does not die (uninterruptible sleep?)");
  }
}

}  // namespace recap::keeper
