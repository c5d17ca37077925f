// SPDX-License-Identifier: Apache-2.0
// What the Caplet remembers of one assignment (a Capsule on one target), also over its own death:
// a run is noted here before its keeper is started, so that the next Caplet knows of it.
//
// One small JSON file each, replaced atomically. It is not synced to the disk: after kill -9 the
// page cache has it, and after a power cut there is no run left to know of; an assignment without
// its file begins anew, which may leave out a missed run but never runs twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "caplet/continuous.h"
#include "caplet/event.h"
#include "caplet/periodic.h"
#include "caplet/time.h"
#include "linux/unique_fd.h"

namespace recap::caplet {

struct LiveRun {
  std::string id;
  std::string instance;  // of the target that it was started on
  std::string trigger;   // "Schedule", "ContainerStarted", "Continuous", "OnDemand", "RunNow"
  std::optional<Wall> scheduled;
  std::optional<Wall> settled_before;  // PeriodicState's last_settled, for when it never starts
  Wall started{};
  std::string policy{};       // the CapsulePolicy that covers it, if there is one
  std::size_t spec_hash = 0;  // of what was declared when it started
  bool stopping = false;      // it was told to Escape
};

struct PastRun {
  std::string id;
  bool succeeded = false;
};

// A CapsuleRun's progress on one target.
struct OnceState {
  std::uint32_t attempts = 0;
  bool done = false;
  std::optional<Uptime> not_before;
};

struct AssignmentState {
  std::string capsule;   // "Capsule/shop/rotate-logs@UID"
  std::string target;    // its name, which it keeps over a restart
  std::string instance;  // last seen: another one means that the target restarted
  PeriodicState periodic{};
  EventState event;
  ContinuousState continuous;
  OnceState once;
  std::int64_t not_ready_told = 0;  // since when the pod was not ready that an event told of
  std::string run_now;              // value of the annotation recap.dev/run-now carried out last
  std::vector<LiveRun> live;
  std::vector<PastRun> past;  // oldest first
  std::uint64_t succeeded = 0, failed = 0, skipped = 0;
};

std::string to_json(const AssignmentState& state, std::string_view boot_id);
// Times since boot are dropped when `boot_id` is another than the one they were written under.
base::Result<AssignmentState> state_from_json(std::string_view text, std::string_view boot_id);

class StateStore {
 public:
  // Makes DATA/caplet and locks it. kBusy: another Caplet has it.
  static base::Result<StateStore> open(const std::string& data_dir);

  base::Status save(const AssignmentState& state);
  base::Status remove(const AssignmentState& state);
  // Damaged files are moved aside; `damaged` counts them.
  base::Result<std::vector<AssignmentState>> load_all(std::size_t& damaged);

  // Also for whoever only looks (`caplet drain`).
  static base::Result<std::vector<AssignmentState>> read_all(const std::string& data_dir);

  // `caplet drain` leaves a mark here: nothing is to start until the next Caplet does.
  [[nodiscard]] const linux::DirFd& dir() const { return dir_; }

 private:
  StateStore(linux::DirFd dir, linux::UniqueFd lock, std::string boot_id)
      : dir_(std::move(dir)), lock_(std::move(lock)), boot_id_(std::move(boot_id)) {}

  linux::DirFd dir_;
  linux::UniqueFd lock_;
  std::string boot_id_;
};

}  // namespace recap::caplet
