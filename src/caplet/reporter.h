// SPDX-License-Identifier: Apache-2.0
// Who wants to know how runs fare: the API server's objects (kube_reporter.h). Without Kubernetes
// nobody; the log, the metrics and the records tell it in any case.
#pragma once

#include <string>
#include <string_view>

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
  // The node cannot observe one of the events that the Capsule is to run on.
  virtual void on_unsupported(const Assignment& assignment, std::string_view message) = 0;
};

// Who else than this node decides what may run: a cluster's CapsulePolicies. On a host without
// Kubernetes nobody, for whoever may write its manifests is its administrator.
class Ceilings {
 public:
  virtual ~Ceilings() = default;
  // kDenied with the reason. May shorten the run's deadline.
  virtual base::Status check(const Declared& declared, const NodeTarget& target,
                             capsule::Admitted& run) const = 0;
};

}  // namespace recap::caplet
