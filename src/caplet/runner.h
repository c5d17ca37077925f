// SPDX-License-Identifier: Apache-2.0
// The keepers of this Caplet: starts them, is told by each what happens, asks them to end, and
// takes over those that an earlier Caplet left. It knows nothing of policies.
//
// A keeper lives on when the Caplet ends: it was started detached, and a closed socket is no
// reason for it to Escape. One thread, that of the event loop; what blocks is done in `workers`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/result.h"
#include "capsule/admit.h"
#include "capsule/dirs.h"
#include "linux/unique_fd.h"

namespace recap::caplet {

// How a run ended, from its record.
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

// From the record of a run whose keeper is done; nothing while it has none.
std::optional<RunResult> ended_result(const capsule::Dirs& dirs, const std::string& run_id);

class Runner {
 public:
  struct Listener {
    std::function<void(const std::string& run_id)> on_attached;
    std::function<void(const RunResult&)> on_ended;
  };

  Runner(boost::asio::io_context& loop, boost::asio::thread_pool& workers, capsule::Dirs dirs,
         Listener listener);
  ~Runner();
  Runner(const Runner&) = delete;

  // Starts the keeper of an admitted run. on_ended will be called for it, unless the Caplet ends
  // before. `artifacts`: as capsule::KeeperFds has it.
  base::Status start(const capsule::Admitted& run, linux::UniqueFd artifacts);

  // Follows a run that an earlier Caplet started; on_ended is called for it in any case, also when
  // it has ended meanwhile or its keeper was never started.
  void adopt(const std::string& run_id);

  // Asks a run to end: SIGTERM, after `grace_ms` SIGKILL. Its end is told as any other's.
  void stop(const std::string& run_id, std::uint64_t grace_ms);

  [[nodiscard]] std::size_t active() const { return runs_.size(); }

 private:
  struct Run;
  bool connect(const std::shared_ptr<Run>& run);
  void follow(const std::shared_ptr<Run>& run, linux::UniqueFd socket);
  void wait_for_event(const std::shared_ptr<Run>& run);
  void take_event(const std::shared_ptr<Run>& run);
  void settle(const std::shared_ptr<Run>& run);
  static RunResult unrecorded_result(const Run& run, const base::Status& recovered);
  void finish(const std::string& run_id, const RunResult& result);

  boost::asio::io_context& loop_;
  boost::asio::thread_pool& workers_;
  capsule::Dirs dirs_;
  Listener listener_;
  std::map<std::string, std::shared_ptr<Run>> runs_;
};

}  // namespace recap::caplet
