// SPDX-License-Identifier: Apache-2.0
// Stands where keepers do: a run of the command `simulate SECONDS PERCENT` starts no process, ends
// after so long, and fails in so many of a hundred cases.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/runner.h"

namespace recap::simulator {

class SimulatedRuns : public caplet::Runner {
 public:
  explicit SimulatedRuns(boost::asio::io_context& loop) : loop_(loop) {}

  void listen(OnEnded on_ended) override { on_ended_ = std::move(on_ended); }
  base::Status start(const capsule::Admitted& run, linux::UniqueFd artifacts) override;
  void adopt(const std::string& run_id) override;
  void stop(const std::string& run_id, std::uint64_t grace_ms) override;

 private:
  struct Run {
    caplet::RunResult result;
    boost::asio::steady_timer timer;
  };
  void end_after(const std::string& run_id, double seconds);

  boost::asio::io_context& loop_;
  OnEnded on_ended_;
  std::map<std::string, Run> runs_;
};

}  // namespace recap::simulator
