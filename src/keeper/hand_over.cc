// SPDX-License-Identifier: Apache-2.0
#include "keeper/hand_over.h"

#include <algorithm>

#include "engine/artifact.h"
#include "engine/rootfs.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::keeper {

namespace {

constexpr std::size_t kLeastTakenAtOnce = 4096;  // by a round of watching, when there is as much
constexpr std::size_t kTerminalBytes = std::size_t{1} << 20;  // more than a terminal holds
constexpr std::uint64_t kPatienceMs = 5000;  // with a reader, when the deadline has passed

bool output_waits(const ActiveRun& run) {
  const bool terminal = run.spec.terminal && run.logs[0].valid();
  linux::PollFd fds[] = {
      {.fd = run.output[0].get(), .events = linux::kPollIn},
      {.fd = run.output[1].get(), .events = linux::kPollIn},
      {.fd = terminal ? run.devices.pty_master.get() : -1, .events = linux::kPollIn}};
  return linux::poll(fds, 0).value_or(0) != 0;
}

// Says whether it makes sense to wait for whoever reads the artifact: the caller has to be there
// and to want it still, and from the deadline on there is an end to it.
class Reader {
 public:
  explicit Reader(ActiveRun& run) : run_(run) { run.asked_to_end.reset(); }

  bool await_room(int sink) {
    linux::PollFd room{.fd = sink, .events = linux::kPollOut};
    (void)linux::poll(std::span(&room, 1), 0);
    while (room.revents == 0 && is_waited_for()) {
      (void)watch_once(run_, kLookMs, &room);
    }
    return room.revents != 0;
  }

 private:
  static constexpr std::int64_t kLookMs = 100;

  bool is_waited_for() {
    if (!run_.caller_listens || run_.asked_to_end) {
      return false;
    }
    if (time_left_ms(run_) != 0) {
      return true;
    }
    const std::uint64_t now = linux::monotonic_ns();
    deadline_seen_ns_ = deadline_seen_ns_ == 0 ? now : deadline_seen_ns_;
    return now - deadline_seen_ns_ < kPatienceMs * 1'000'000;
  }

  ActiveRun& run_;
  std::uint64_t deadline_seen_ns_ = 0;
};

engine::Copied copy_out(ActiveRun& run) {
  const std::uint64_t bytes = run.spec.limits.out_bytes;
  const engine::CopyLimit limit{.bytes = bytes, .entries = engine::inodes_of_tmpfs(bytes)};
  if (run.spec.out == run::OutMode::kDirectory) {
    return engine::copy_artifacts(run.out.get(), run::kOutFd, limit);
  }
  Reader reader(run);
  return engine::copy_single_artifact(run.out.get(), run::kOutFd, limit,
                                      [&reader](int sink) { return reader.await_room(sink); });
}

}  // namespace

void drain_output(ActiveRun& run) {
  std::size_t most = run.spec.terminal ? kTerminalBytes : 0;
  for (const linux::UniqueFd& pipe : run.output) {
    most = pipe.valid() ? std::max(most, linux::pipe_capacity(pipe.get()).value_or(0)) : most;
  }
  for (std::size_t taken = 0; taken < most && output_waits(run); taken += kLeastTakenAtOnce) {
    (void)watch_once(run, 0);
  }
}

void hand_over_artifacts(ActiveRun& run) {
  if (!run.out.valid() || !run.function_forked) {
    return;
  }
  const engine::Copied copied = copy_out(run);
  run.out.reset();
  run.artifacts_complete = copied.status.has_value();
  if (copied.status) {
    return;
  }
  const bool left_nothing =
      copied.status.error().kind() == base::Kind::kNotFound && copied.missing_bytes == 0;
  run.artifacts_failed = !left_nothing || run.record.exit_code == 0;
  if (!run.artifacts_failed && !run.record.message.empty()) {
    return;
  }
  base::FixedString<run::kMaxMessageBytes> message("no artifact: ");
  if (copied.missing_bytes != 0) {
    message = base::concat<run::kMaxMessageBytes>("the artifact is incomplete, ",
                                                  copied.missing_bytes, " bytes are missing: ");
  }
  run.say(message.append(copied.status.error().message()));
}

}  // namespace recap::keeper
