// SPDX-License-Identifier: Apache-2.0
// Tells the API server how runs fare: the status of CapsuleRuns, and Events on the Capsule. Events
// are on the pod too where the Capsule says so (podEvents); the pod itself is not written at all.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "caplet/records.h"
#include "caplet/reporter.h"
#include "caplet/run_status.h"
#include "capsule/dirs.h"
#include "kube/events.h"

namespace recap::caplet {

// Of one Capsule on this node, as its CapsuleNode shows them; empty: none yet.
struct LastEndings {
  boost::json::object success, failure;
};

class KubeReporter : public Reporter {
 public:
  KubeReporter(RunStatus& status, kube::EventRecorder& events, std::string node, capsule::Dirs dirs,
               std::function<void()> on_escaped)
      : status_(status),
        events_(events),
        node_(std::move(node)),
        dirs_(std::move(dirs)),
        on_escaped_(std::move(on_escaped)) {}

  void on_started(const Assignment& assignment, const std::string& run_id) override;
  void on_ended(const Assignment& assignment, const RunResult& result) override;
  void on_refused(const Assignment& assignment, std::string_view reason,
                  std::string_view message) override;
  void on_no_target(const Declared& declared) override;
  void on_escaped() override { on_escaped_(); }
  void on_unsupported(const Assignment& assignment, std::string_view message) override;

  [[nodiscard]] const std::map<std::string, LastEndings>& endings() const { return endings_; }

 private:
  void note_ending(const Assignment& assignment, const RunResult& result);
  boost::json::object result_of(const Assignment& assignment, const RunResult& result) const;
  void record(const Assignment& assignment, bool warning, std::string_view reason,
              std::string note);

  RunStatus& status_;
  kube::EventRecorder& events_;
  std::string node_;
  capsule::Dirs dirs_;
  std::function<void()> on_escaped_;
  std::map<std::string, LastEndings> endings_;  // by the declaration's key
};

// Both tails of a run's output as a CapsuleRun's result has them: as text where both are UTF-8, in
// base64 where they are not.
void add_output(boost::json::object& result, const OutputTail& out, const OutputTail& err);

}  // namespace recap::caplet
