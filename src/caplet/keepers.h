// SPDX-License-Identifier: Apache-2.0
// The keepers of this Caplet: starts them, is told by each what happens, asks them to end, and
// takes over those that an earlier Caplet left.
//
// A keeper lives on when the Caplet ends: it was started detached, and a closed socket is no
// reason for it to Escape. One thread, that of the event loop; what blocks is done in `workers`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/result.h"
#include "caplet/runner.h"
#include "capsule/admit.h"
#include "capsule/dirs.h"
#include "linux/unique_fd.h"

namespace recap::caplet {

// From the record of a run whose keeper is done; nothing while it has none.
std::optional<RunResult> ended_result(const capsule::Dirs& dirs, const std::string& run_id);

class Keepers : public Runner {
 public:
  Keepers(boost::asio::io_context& loop, boost::asio::thread_pool& workers, capsule::Dirs dirs);
  ~Keepers() override;
  Keepers(const Keepers&) = delete;

  void listen(OnEnded on_ended) override { on_ended_ = std::move(on_ended); }
  base::Status start(const capsule::Admitted& run, linux::UniqueFd artifacts) override;
  void adopt(const std::string& run_id) override;
  void stop(const std::string& run_id, std::uint64_t grace_ms) override;

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
  OnEnded on_ended_;
  std::map<std::string, std::shared_ptr<Run>> runs_;
};

}  // namespace recap::caplet
