// SPDX-License-Identifier: Apache-2.0
#include "runs.h"

#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "linux/process.h"

namespace recap::simulator {

using base::Error;
using base::Kind;
using base::Status;

Status SimulatedRuns::start(const capsule::Admitted& run, linux::UniqueFd) {
  if (run.argv.size() != 3 || run.argv.front() != "simulate") {
    return Error(Kind::kInvalid, "the simulator has no function but `simulate SECONDS PERCENT`");
  }
  const double lasting = std::strtod(run.argv[1].c_str(), nullptr);
  const double failing = std::strtod(run.argv[2].c_str(), nullptr);
  Run& mine = runs_.emplace(run.run_id, Run{{}, boost::asio::steady_timer(loop_)}).first->second;
  mine.result.id = run.run_id;
  mine.result.reason = "Exited";
  mine.result.exit_code =
      static_cast<double>(base::stable_hash(run.run_id) % 10'000) < failing * 100 ? 1 : 0;
  mine.result.image_digest = run.image.digest;
  mine.result.residue_verified = true;
  mine.result.started_at_s = linux::wall_clock_s();
  mine.result.duration_s = lasting;
  end_after(run.run_id, lasting);
  return {};
}

// Nothing that was simulated outlives the simulator.
void SimulatedRuns::adopt(const std::string& run_id) {
  Run& run = runs_.emplace(run_id, Run{{}, boost::asio::steady_timer(loop_)}).first->second;
  run.result.id = run_id;
  run.result.was_started = false;
  end_after(run_id, 0);
}

void SimulatedRuns::stop(const std::string& run_id, std::uint64_t) {
  if (const auto run = runs_.find(run_id); run != runs_.end()) {
    run->second.result.reason = "Stopped";
    run->second.result.exit_code = 143;
    end_after(run_id, 0);
  }
}

void SimulatedRuns::end_after(const std::string& run_id, double seconds) {
  Run& run = runs_.at(run_id);
  run.timer.expires_after(std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6)));
  run.timer.async_wait([this, run_id](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      const auto ended = runs_.extract(run_id);
      on_ended_(ended.mapped().result);
    }
  });
}

}  // namespace recap::simulator
