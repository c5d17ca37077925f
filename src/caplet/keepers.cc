// SPDX-License-Identifier: Apache-2.0
#include "caplet/keepers.h"

#include <fcntl.h>

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "capsule/keeper_link.h"
#include "capsule/recover.h"
#include "capsule/runs.h"
#include "capsule/stage.h"
#include "capsule/start.h"
#include "image/prepared.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

using std::chrono::milliseconds;

constexpr milliseconds kStarting{1500};

RunResult result_of(const run::Record& record) {
  RunResult result;
  result.id = record.run_id;
  result.exit_code = record.exit_code;
  result.reason = run::name_of(record.reason);
  result.message = record.message;
  result.image_digest = record.image.digest;
  result.residue_verified = record.residue_verified;
  result.residue = record.residue_count;
  result.started_at_s = record.started_at_s;
  result.attach_s = static_cast<double>(record.attach_us) / 1e6;
  result.escape_s = static_cast<double>(record.escape_us) / 1e6;
  result.duration_s = static_cast<double>(record.f_latency_us) / 1e6;
  return result;
}

Result<linux::UniqueFd> open_null() { return linux::open_at(linux::kCwd, "/dev/null", O_RDWR); }

RunResult failed_result(const std::string& run_id, std::string_view message) {
  RunResult result;
  result.id = run_id;
  result.exit_code = 125;
  result.reason = "Failed";
  result.message = message;
  return result;
}

}  // namespace

std::optional<RunResult> ended_result(const capsule::Dirs& dirs, const std::string& run_id) {
  const auto stored = capsule::read_record(dirs, run_id);
  if (!stored || stored->record.reason == run::Reason::kNotEnded) {
    return std::nullopt;
  }
  return result_of(stored->record);
}

struct Keepers::Run {
  Run(boost::asio::io_context& loop, std::string run_id)
      : id(std::move(run_id)), socket(loop), timer(loop) {}

  std::string id;
  boost::asio::posix::stream_descriptor socket;
  boost::asio::steady_timer timer;
  linux::UniqueFd image_hold;  // until the keeper's first word
  std::optional<std::uint64_t> stop_grace_ms;
  bool adopted = false;
};

Keepers::Keepers(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
                 capsule::Dirs dirs)
    : loop_(loop), workers_(workers), dirs_(std::move(dirs)) {}

Keepers::~Keepers() = default;

Status Keepers::start(const capsule::Admitted& admitted, linux::UniqueFd artifacts) {
  auto run = std::make_shared<Run>(loop_, admitted.run_id);
  run->image_hold = RECAP_TRY(image::hold(dirs_.store(), admitted.image.digest, dirs_.state));
  capsule::WaitingKeeper keeper;
  // The keeper of a detached run makes pipes to its own log in their place.
  RECAP_TRY(keeper.start({RECAP_TRY(open_null()), RECAP_TRY(open_null()), RECAP_TRY(open_null())},
                         capsule::kCgroupParent));
  capsule::Assignment assignment;
  assignment.spec = RECAP_TRY(capsule::stage_spec(admitted, dirs_));
  assignment.target = RECAP_TRY(linux::duplicate(admitted.target.pidfd.get()));
  assignment.artifacts = std::move(artifacts);
  linux::UniqueFd socket = RECAP_TRY(keeper.assign(std::move(assignment)));
  runs_[run->id] = run;
  follow(run, std::move(socket));
  return {};
}

void Keepers::adopt(const std::string& run_id) {
  auto run = std::make_shared<Run>(loop_, run_id);
  run->adopted = true;
  runs_[run_id] = run;
  if (connect(run)) {
    return;
  }
  // It has ended; or its keeper has not opened its books yet, which takes a few milliseconds, and a
  // recovery must not come between.
  run->timer.expires_after(ended_result(dirs_, run_id) ? milliseconds(0) : kStarting);
  run->timer.async_wait([this, run](const boost::system::error_code& cancelled) {
    if (!cancelled && !connect(run)) {
      settle(run);
    }
  });
}

bool Keepers::connect(const std::shared_ptr<Run>& run) {
  auto link = capsule::KeeperLink::connect(dirs_, run->id);
  if (!link || !link->send({.type = run::CommandType::kAttach})) {
    return false;
  }
  follow(run, std::move(*link).release());
  return true;
}

void Keepers::stop(const std::string& run_id, std::uint64_t grace_ms) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) {
    return;
  }
  Run& run = *found->second;
  run.stop_grace_ms = grace_ms;
  if (!run.socket.is_open()) {
    return;  // it is being settled, or follow() will pass it on
  }
  const run::Command command{.type = run::CommandType::kStop, .signal = 0, .grace_ms = grace_ms};
  (void)linux::send(run.socket.native_handle(), std::as_bytes(std::span(&command, 1)), {}, true);
}

void Keepers::follow(const std::shared_ptr<Run>& run, linux::UniqueFd socket) {
  boost::system::error_code failed;
  run->socket.assign(socket.release(), failed);
  if (run->stop_grace_ms) {
    stop(run->id, *run->stop_grace_ms);
  }
  wait_for_event(run);
}

void Keepers::wait_for_event(const std::shared_ptr<Run>& run) {
  run->socket.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this, run](const boost::system::error_code& failed) {
                           if (!failed) {
                             take_event(run);
                           }
                         });
}

void Keepers::take_event(const std::shared_ptr<Run>& run) {
  run::Event event;
  std::array<linux::UniqueFd, 2> fds;
  const auto size = linux::receive(run->socket.native_handle(),
                                   std::as_writable_bytes(std::span(&event, 1)), fds, true);
  if (!size && size.error().errno_value() == EAGAIN) {
    wait_for_event(run);
    return;
  }
  if (size && *size == sizeof event && event.type == run::EventType::kMoved) {
    wait_for_event(run);
    return;
  }
  run->image_hold.reset();
  if (size && *size == sizeof event && event.type == run::EventType::kAttached) {
    wait_for_event(run);
    return;
  }
  // kDone comes after the record was written; end of file: the keeper was killed.
  boost::system::error_code ignored;
  run->socket.close(ignored);
  if (auto result = ended_result(dirs_, run->id)) {
    finish(run->id, *result);
  } else if (size && *size == sizeof event && event.type == run::EventType::kDone) {
    RunResult unrecorded = failed_result(run->id, capsule::message_of(event));
    unrecorded.exit_code = event.exit_code;
    unrecorded.reason = run::name_of(static_cast<run::Reason>(event.reason));
    finish(run->id, unrecorded);
  } else {
    settle(run);
  }
}

// Nobody answers for the run: it has ended, or its keeper was killed. Recovery waits for processes,
// so it is a worker's.
void Keepers::settle(const std::shared_ptr<Run>& run) {
  boost::asio::post(workers_, [this, run, dirs = dirs_] {
    const Status recovered = capsule::recover_run(dirs.state, run->id);
    auto result = ended_result(dirs, run->id);
    boost::asio::post(loop_, [this, run, recovered, result = std::move(result)] {
      if (result) {
        finish(run->id, *result);
      } else if (!recovered && recovered.error().kind() == Kind::kBusy) {
        adopt(run->id);  // its keeper lives after all
      } else {
        finish(run->id, unrecorded_result(*run, recovered));
      }
    });
  });
}

// The record is opened before the function may start, so without one it never did.
RunResult Keepers::unrecorded_result(const Run& run, const Status& recovered) {
  RunResult result = failed_result(
      run.id, recovered ? "its keeper ended before the function could start"
                        : "its keeper was killed, and its run could not be cleaned up: " +
                              std::string(recovered.error().message()));
  result.was_started = !run.adopted;
  return result;
}

void Keepers::finish(const std::string& run_id, const RunResult& result) {
  runs_.erase(run_id);
  on_ended_(result);
}

}  // namespace recap::caplet
