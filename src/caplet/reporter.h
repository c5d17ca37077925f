// SPDX-License-Identifier: Apache-2.0
// Who wants to know how runs fare: the API server's objects (kube_reporter.h). Without Kubernetes
// nobody; the log, the metrics and the records tell it in any case.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "caplet/assignment.h"
#include "caplet/runner.h"
#include "capsule/admit.h"

namespace recap::caplet {

class Reporter {
 public:
  virtual ~Reporter() = default;

  virtual void on_started(const Assignment& assignment, const std::string& run_id) = 0;
  virtual void on_ended(const Assignment& assignment, const RunResult& result) = 0;
  // It was due and did not start. `reason`: "Denied", "TargetGone", "ImagePullFailed", "Failed".
  virtual void on_refused(const Assignment& assignment, std::string_view reason,
                          std::string_view message) = 0;
  // A run on demand that was bound to this node, and there is no such container here.
  virtual void on_no_target(const Declared& declared) = 0;
  // Nothing lives any more of what is no longer declared.
  virtual void on_escaped() = 0;
  // The node cannot observe one of the events that the Capsule is to run on.
  virtual void on_unsupported(const Assignment& assignment, std::string_view message) = 0;
};

// How many runs there are now, for the ceilings on how many there may be.
struct Load {
  std::size_t on_target = 0;
  std::map<std::string, std::size_t> under;  // by the CapsulePolicy that covers them
};

struct RunsAtOnce {
  std::string policy;
  std::size_t per_target = 0, per_node = 0;

  [[nodiscard]] bool is_reached(const Load& load) const;
};

// Which CapsulePolicy covers a run. None: each of `full` does, and has as many runs as it allows.
struct Cover {
  std::string policy;
  std::vector<RunsAtOnce> full;
};

// Who else than this node decides what may run: a cluster's CapsulePolicies. On a host without
// Kubernetes nobody, for whoever may write its manifests is its administrator.
class Ceilings {
 public:
  virtual ~Ceilings() = default;
  // kDenied with the reason. May shorten the run's deadline.
  virtual base::Result<Cover> check(const Declared& declared, const NodeTarget& target,
                                    const Load& load, capsule::Admitted& run) const = 0;
};

}  // namespace recap::caplet
