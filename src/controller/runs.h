// SPDX-License-Identifier: Apache-2.0
// The story of each CapsuleRun, from its creation to its end.
//
// One that names a pod is bound to that pod's node, once, and its status is the node's matter. One
// with a selector is chosen: a part is made for each target, and when all of them are there the
// choice is final (condition Bound). Then parts are bound as `parallelism` allows, and counted as
// they end. All that has to be remembered is in these objects, and every step may be done twice: so
// a controller that is killed is replaced by another that reads and goes on.
//
// One thread, the executor's. Only the leader has one of these.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "controller/part.h"
#include "controller/run_view.h"
#include "kube/client.h"
#include "kube/pace.h"
#include "kube/watch.h"
#include "service/metrics.h"

namespace recap::controller {

class Runs : public std::enable_shared_from_this<Runs> {
 public:
  Runs(const kube::Client& client, service::Metrics& metrics);
  void start();

  // Sets the status, if the object is still there.
  static kube::Task<void> write(std::shared_ptr<Runs> self, RunView run,
                                boost::json::object status);

  [[nodiscard]] bool is_synced() const { return runs_.synced(); }
  [[nodiscard]] const kube::Watch<RunView>& watch() const { return runs_; }

 private:
  // What is under way for one run.
  struct Story {
    explicit Story(const kube::Executor& executor);

    boost::asio::steady_timer timer;  // when it is looked at again by itself
    kube::Backoff backoff;
    bool is_busy = false, is_due = false;
    bool is_over = false;                  // its end is written
    std::int64_t chosen_s = 0, total = 0;  // the choice, while the watch does not show it
    std::string told;                      // the status that was written last
    kube::Clock::time_point told_at{};
  };
  using Shared = std::shared_ptr<Runs>;

  void on_change(const kube::Change<RunView>& change);
  void look_at(const std::string& key);
  void on_looked(const std::string& key, const base::Status& looked);
  void look_again(const std::string& key, std::chrono::milliseconds in);

  static kube::Task<void> go_on(Shared self, std::string key);
  static kube::Task<void> bind_single(Shared self, RunView run);
  static kube::Task<void> choose(Shared self, RunView run);
  static kube::Task<std::set<std::string>> make_parts(Shared self, RunView run,
                                                      boost::json::object object,
                                                      std::vector<PodView> pods);
  static kube::Task<void> note_choice(Shared self, RunView run, std::size_t total);
  static kube::Task<void> advance(Shared self, RunView run);
  static kube::Task<void> bind_part(Shared self, RunView part);
  static kube::Task<void> tell(Shared self, RunView run, Tally tally);
  static kube::Task<void> add_output(Shared self, RunView run, boost::json::object* status);

  static kube::Task<void> bind(Shared self, RunView run, std::string node, std::string pod_uid);
  static kube::Task<void> fail(Shared self, RunView run, std::string reason, std::string message);

  void count_end(const char* result);
  [[nodiscard]] Story* story_of(const RunView& run);  // nullptr: it was deleted
  [[nodiscard]] std::vector<const RunView*> parts_of(const std::string& key) const;
  [[nodiscard]] bool waits_for_parts(const RunView& run);
  [[nodiscard]] std::vector<RunView> next_to_bind(const RunView& run);
  [[nodiscard]] kube::Endpoint place_of(const RunView& run, const char* subresource = "") const;

  kube::Client client_;
  service::Metrics& metrics_;
  std::map<std::string, Story> stories_;                // by the run's key
  std::map<std::string, std::set<std::string>> parts_;  // keys, by their run's
  std::set<std::string> bound_;  // uids of what was bound and is not seen to be yet
  kube::Watch<RunView> runs_;
};

}  // namespace recap::controller
