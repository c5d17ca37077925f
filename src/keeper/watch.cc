// SPDX-License-Identifier: Apache-2.0
// Watch: one poll loop over the stubs, the target, the caller, the control socket, the output of a
// detached run, and the deadline. It returns why the run has to end.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "keeper/active_run.h"
#include "keeper/clients.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::keeper {

namespace {

using run::Reason;

// The places of the poll set; clients follow.
enum Slot : std::size_t {
  kMessages,
  kStub,
  kTarget,
  kCaller,
  kControl,
  kStdoutPipe,
  kStderrPipe,
  kPty,
  kAlso,
  kFirstClient,
  kSlots = kFirstClient + kMaxClients
};

// After a failed accept (no descriptor, no memory) the connection still waits, and would be ready
// at once.
constexpr std::int64_t kAcceptAgainMs = 100;

using PollSet = std::array<linux::PollFd, kSlots>;

// One that finds no place waits in the queue of those that connect.
bool has_room_for_client(const ActiveRun& run) {
  return std::ranges::any_of(
      run.clients, [](const ActiveRun::Client& client) { return !client.socket.valid(); });
}

bool somebody_holds_terminal(const ActiveRun& run) {
  if (run.caller_listens) {
    return true;
  }
  for (const ActiveRun::Client& client : run.clients) {
    if (client.socket.valid() && client.holds_terminal) {
      return true;
    }
  }
  return false;
}

PollSet poll_set(const ActiveRun& run, bool accepts) {
  PollSet set;
  const auto watch = [&set](std::size_t slot, int fd, bool wanted) {
    set[slot] = {.fd = wanted ? fd : -1, .events = linux::kPollIn};
  };
  watch(kMessages, run.messages.get(), !run.stubs_left);
  watch(kStub, run.stub.get(), !run.stubs_left && !run.outer_stub_lost);
  watch(kTarget, run::kTargetFd, !run.target_gone);
  watch(kCaller, run::kCallerFd, run.caller_listens);
  watch(kControl, run.control.get(), accepts && has_room_for_client(run));
  watch(kStdoutPipe, run.output[0].get(), true);
  watch(kStderrPipe, run.output[1].get(), true);
  // Nobody reads the terminal of a run that all have detached from, so the keeper does: a function
  // must not block on a screen that is not there.
  const bool alone = run.logs[0].valid() && !somebody_holds_terminal(run);
  watch(kPty, run.devices.pty_master.get(), run.spec.terminal && alone);
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    watch(kFirstClient + i, run.clients[i].socket.get(), true);
  }
  return set;
}

void note(ActiveRun& run, const engine::StubMessage& message, std::span<linux::UniqueFd, 2> fds) {
  switch (message.type) {
    case engine::StubMessageType::kFunctionForked:
      run.function = linux::PidFd(fds[0].release());
      if (fds[1].valid()) {
        run.inner_stub = linux::PidFd(fds[1].release());
      }
      run.function_forked = true;
      break;
    case engine::StubMessageType::kFunctionEnded:
      run.function_ended = true;
      run.function_status = message.value;
      run.ended_ns = linux::monotonic_ns();
      break;
    case engine::StubMessageType::kInnerForked:
      run.inner_stub = linux::PidFd(fds[0].release());
      break;
    case engine::StubMessageType::kInnerLost:
      run.inner_stub_lost = true;
      break;
    case engine::StubMessageType::kViewIncomplete:
      run.say(base::concat<200>(
          "the view is incomplete: volumes of the target that are not shown: ", message.value,
          " (file servers' cannot be)"));
      break;
    case engine::StubMessageType::kUsedStorage:
      run.used_storage = true;
      break;
  }
}

// False when there is none now, or never again.
Result<bool> take_message(ActiveRun& run) {
  engine::StubMessage message;
  linux::UniqueFd fds[2];
  auto got = linux::receive(run.messages.get(), std::as_writable_bytes(std::span(&message, 1)), fds,
                            /*dont_wait=*/true);
  if (!got && got.error().kind() == base::Kind::kBusy) {
    return false;
  }
  if (!got && got.error().kind() != base::Kind::kGone) {
    return std::move(got).error();
  }
  if (!got || *got != sizeof message) {
    run.stubs_left = true;  // end of file: both stubs are gone
    return false;
  }
  note(run, message, fds);
  return true;
}

// The outer stub ended. By itself it does that as the last one, and then its line ends too; else it
// was killed, and the inner one lives on. An adopted stub has no line to us.
void take_stubs_end(ActiveRun& run) {
  if (!run.messages.valid()) {
    run.stubs_left = true;
    return;
  }
  while (take_message(run).value_or(false)) {
  }
  run.outer_stub_lost = !run.stubs_left;
}

void take_output(linux::UniqueFd& source, engine::BoundedLog& log) {
  std::array<std::byte, 16384> buffer;
  const auto size = linux::read_some(source.get(), buffer);
  if (!size || *size == 0) {
    source.reset();
    return;
  }
  log.append(std::span(buffer).first(*size));
}

void take_terminal(ActiveRun& run) {
  std::array<std::byte, 4096> buffer;
  const auto size = linux::read_some(run.devices.pty_master.get(), buffer);
  if (!size || *size == 0) {
    run.spec.terminal = false;  // EIO: no process has the other end any more
    return;
  }
  run.logs[0].append(std::span(buffer).first(*size));
}

Status take_in(ActiveRun& run, const PollSet& set) {
  while (set[kMessages].revents != 0 && RECAP_TRY(take_message(run))) {
  }
  if (set[kStub].revents != 0) {
    take_stubs_end(run);
  }
  run.target_gone = run.target_gone || set[kTarget].revents != 0;
  if (set[kCaller].revents != 0) {
    take_from_caller(run);
  }
  if (set[kControl].revents != 0) {
    accept_client(run);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (set[kStdoutPipe + i].revents != 0) {
      take_output(run.output[i], run.logs[i]);
    }
  }
  if (set[kPty].revents != 0) {
    take_terminal(run);
  }
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    if (set[kFirstClient + i].revents != 0) {
      take_from_client(run, run.clients[i]);
    }
  }
  return {};
}

std::optional<Reason> reason_to_end(const ActiveRun& run) {
  if (run.function_ended) {
    return Reason::kExited;
  }
  if (run.target_gone) {
    return Reason::kTargetGone;
  }
  if (run.stubs_left || run.outer_stub_lost || run.inner_stub_lost) {
    return Reason::kFailed;
  }
  return run.asked_to_end;
}

}  // namespace

std::int64_t time_left_ms(const ActiveRun& run) {
  if (run.spec.limits.deadline_ms == 0) {
    return -1;
  }
  const std::uint64_t deadline = run.spec.requested_ns + run.spec.limits.deadline_ms * 1'000'000;
  const std::uint64_t now = linux::monotonic_ns();
  return now >= deadline ? 0 : static_cast<std::int64_t>((deadline - now + 999'999) / 1'000'000);
}

Status see_that_descriptors_are_left() {
  std::array<linux::UniqueFd, 5> room;
  for (linux::UniqueFd& fd : room) {
    fd = RECAP_TRY(linux::duplicate(run::kTargetFd));
  }
  return {};
}

Status watch_once(ActiveRun& run, std::int64_t timeout_ms, linux::PollFd* also) {
  const bool accepts = !std::exchange(run.accept_failed, false);
  if (!accepts && (timeout_ms < 0 || timeout_ms > kAcceptAgainMs)) {
    timeout_ms = kAcceptAgainMs;
  }
  PollSet set = poll_set(run, accepts);
  if (also != nullptr) {
    set[kAlso] = *also;
  }
  auto ready = linux::poll(set, timeout_ms);
  if (!ready) {
    (void)linux::poll({}, 1);  // Escape goes on, and shall not spin
    return std::move(ready).error();
  }
  if (*ready == 0) {
    return {};
  }
  if (also != nullptr) {
    also->revents = set[kAlso].revents;
  }
  return take_in(run, set);
}

Reason watch(ActiveRun& run) {
  while (true) {
    if (const auto reason = reason_to_end(run)) {
      return *reason;
    }
    const std::int64_t left = time_left_ms(run);
    if (left == 0) {
      return Reason::kDeadline;
    }
    if (const Status watched = watch_once(run, left); !watched) {
      run.say(watched.error().message());
      return Reason::kFailed;
    }
  }
}

}  // namespace recap::keeper
