// SPDX-License-Identifier: Apache-2.0
// What carries runs out, as the Caplet sees it: starts them, asks them to end, says how they ended.
// It knows nothing of policies. On a node that is keepers (keepers.h).
//
// One thread, that of the event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "capsule/admit.h"
#include "linux/unique_fd.h"

namespace recap::caplet {

// How a run ended.
struct RunResult {
  std::string id;
  bool was_started = true;  // false: of an adopted run whose function never came to life
  int exit_code = 0;
  std::string reason;  // "Exited", "DeadlineExceeded", "TargetGone", …
  std::string message;
  std::string image_digest;
  bool residue_verified = false;
  std::size_t residue = 0;
  std::int64_t started_at_s = 0;
  double attach_s = 0, escape_s = 0, duration_s = 0;

  [[nodiscard]] bool succeeded() const { return was_started && exit_code == 0; }
};

class Runner {
 public:
  using OnEnded = std::function<void(const RunResult&)>;

  virtual ~Runner() = default;

  // Who is told of ends; before the first run, and never from within a call of this.
  virtual void listen(OnEnded on_ended) = 0;

  // Starts an admitted run. Its end will be told, unless the Caplet ends before. `artifacts`: as
  // capsule::KeeperFds has it.
  virtual base::Status start(const capsule::Admitted& run, linux::UniqueFd artifacts) = 0;

  // Follows a run that an earlier Caplet started; its end is told in any case, also when it has
  // ended meanwhile or was never started.
  virtual void adopt(const std::string& run_id) = 0;

  // Asks a run to end: SIGTERM, after `grace_ms` SIGKILL. Its end is told as any other's.
  virtual void stop(const std::string& run_id, std::uint64_t grace_ms) = 0;
};

}  // namespace recap::caplet
