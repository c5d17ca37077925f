// SPDX-License-Identifier: Apache-2.0
// The Caplet of one node: brings what is declared together with the targets that are there, and
// sees to it that what is due runs, once, and is gone afterwards.
//
// One thread, that of the event loop; all members are called on it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/agenda.h"
#include "caplet/assignment.h"
#include "caplet/audit.h"
#include "caplet/counts.h"
#include "caplet/declared.h"
#include "caplet/event_watch.h"
#include "caplet/images.h"
#include "caplet/metrics.h"
#include "caplet/node_target.h"
#include "caplet/reporter.h"
#include "caplet/runner.h"
#include "caplet/state.h"
#include "caplet/uploads.h"
#include "capsule/dirs.h"
#include "targets/target.h"

namespace recap::caplet {

struct CapletOptions {
  capsule::Dirs dirs;
  targets::Roots roots;
  std::size_t max_runs_per_target = 8;
  std::size_t max_runs_per_node = 100;
  std::int64_t keep_records_s = 7 * 86'400;  // at most so long, whatever a Capsule's history says
  // Of artifacts, by their names: a directory's path, or a bucket's URL (bucket.h).
  std::map<std::string, std::string> stores;
  // The kubelet's credential provider plugins; both or none.
  std::string credential_provider_config, credential_provider_bin_dir;
};

class Caplet {
 public:
  // `runner` must outlive it.
  Caplet(boost::asio::io_context& loop, Runner& runner, CapletOptions options, StateStore store,
         Metrics& metrics);
  ~Caplet();

  void report_to(Reporter& reporter) { reporter_ = &reporter; }
  void obey(const Ceilings& ceilings) { ceilings_ = &ceilings; }
  // Takes over what an earlier Caplet left, then follows the two sources, which must outlive it.
  // kInvalid: a store's name or place.
  base::Status start(TargetSource& targets, DeclaredSource& declared);

  // Writes down which events have started no run since the last run: in a storm that is not done
  // for each. For the end of the Caplet.
  void save_counts();

  // Ends every run and starts no other.
  void drain();

  // Both sources have been seen: the answer of /readyz.
  [[nodiscard]] bool is_ready() const { return targets_seen_ && declared_seen_; }

  // Of each declared Capsule and run on demand; points into the assignments.
  [[nodiscard]] std::vector<CapsuleCounts> counts() const;
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  // Whether a run of this declaration lives, or may live.
  [[nodiscard]] bool has_runs(const std::string& declared) const;

  struct Exporter {  // a Continuous run that serves metrics
    std::string run_id;
    kube::ScrapeSpec scrape;
    const Assignment* assignment;
  };
  [[nodiscard]] std::vector<Exporter> exporters() const;

 private:
  struct Entry;  // an assignment, and what the Caplet itself keeps about it
  using Key = std::pair<std::string, std::string>;  // of what is declared, of its target
  struct Live {
    Key key;
    std::string policy;  // the CapsulePolicy that covers it
  };

  // The story, in caplet.cc.
  base::Status open_buckets();
  void adopt_runs();
  void on_targets(std::vector<NodeTarget> targets);
  void on_declared(const std::vector<DeclaredPtr>& declared);
  void assign();
  void look_at(const Key& key);
  void on_event(const Key& key, kube::EventType type);
  void on_ended(const RunResult& result);

  // Its steps, in caplet_steps.cc.
  void on_fetched(const std::string& reference, const base::Status& status);
  Entry& entry_of(const Key& key);
  void bind(Entry& entry, const DeclaredPtr& declared, const NodeTarget& target);
  void find_lonely();
  void tell_again(Entry& entry);
  void watch_events(Entry& entry);
  bool count_events(Entry& entry);
  void stop_runs(Entry& entry);
  void note_skip(Entry& entry, const Decision& decision);
  void tell_end(Entry& entry, const RunResult& result);
  void say_once(Entry& entry, std::string_view what, std::string_view why);
  [[nodiscard]] bool is_finished(const Entry& entry) const;
  void forget(const Key& key);
  void look_at_waiting();
  void look_at_all();
  void count_targets();
  void count_declared();
  void sweep_records();

  // How a run begins, in caplet_start.cc.
  void start_run(Entry& entry, const Decision& decision);
  [[nodiscard]] bool has_room(const Entry& entry) const;
  [[nodiscard]] Load load_on(const Entry& entry) const;
  void wait_for_room(Entry& entry);
  base::Result<capsule::Admitted> admit(Entry& entry, const Decision& decision,
                                        image::PreparedImage image);
  base::Result<linux::UniqueFd> open_store(const Entry& entry, capsule::Admitted& run);
  base::Result<std::string> place_of_store(const std::string& name) const;
  void send_artifacts();
  void launch(Entry& entry, const Decision& decision, const capsule::Admitted& run,
              linux::UniqueFd artifacts);
  void tell_start(Entry& entry, const Decision& decision, const capsule::Admitted& run);
  void without_image(Entry& entry, const Decision& decision, const base::Error& why);
  void refuse(Entry& entry, const Decision& decision, const base::Error& why);
  bool save(Entry& entry);

  boost::asio::io_context& loop_;
  CapletOptions options_;
  StateStore store_;
  Audit audit_;
  Metrics& metrics_;
  Reporter* reporter_ = nullptr;
  const Ceilings* ceilings_ = nullptr;
  Runner& runner_;
  Images images_;
  std::map<std::string, Uploads> uploads_;  // of stores that are buckets
  Agenda<Key> agenda_;
  ClockWatch clock_;
  boost::asio::steady_timer sweep_, lonely_timer_;

  std::map<std::string, NodeTarget> targets_;    // by name
  std::map<std::string, DeclaredPtr> declared_;  // by key
  std::map<Key, std::unique_ptr<Entry>> entries_;
  std::map<std::string, Live> runs_;      // by their id
  std::map<std::string, Uptime> lonely_;  // runs on demand without a target, and since when
  std::vector<Key> waiting_;              // due, but some ceiling is reached; first come first
  std::uint64_t failures_ = 0;            // since the start
  bool targets_seen_ = false, declared_seen_ = false, adopted_ = false, draining_ = false;
};

struct Caplet::Entry {
  Entry(Key its_key, Assignment its) : key(std::move(its_key)), assignment(std::move(its)) {}

  Key key;
  Assignment assignment;
  std::vector<EventWatchPtr> watches;  // of the target's present life
  std::string said;                    // what was logged last as its problem
  Cover cover;                         // of the run that is being started
  std::optional<Uptime> lost;          // since when its target is not there
  bool waits = false;                  // in `waiting_`
  bool has_unsaved_counts = false;     // of events
};

}  // namespace recap::caplet
