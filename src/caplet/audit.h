// SPDX-License-Identifier: Apache-2.0
// The audit log: what was decided on this node, one JSON object a line in DATA/caplet/audit.log:
// every run that starts or is refused, for whom, on what, with which grants, under which policy,
// and how it ended. It outlives the records of the runs.
//
// Bounded: at 8 MiB the file becomes audit.log.1, and the oldest of four goes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "caplet/assignment.h"
#include "caplet/runner.h"
#include "capsule/admit.h"
#include "capsule/dirs.h"

namespace recap::caplet {

class Audit {
 public:
  explicit Audit(const capsule::Dirs& dirs) : path_(dirs.data + "/caplet/audit.log") {}

  // Before its keeper is started: what cannot be written down must not run. `policy` is the
  // CapsulePolicy that covers it, "" without Kubernetes.
  base::Status started(const Assignment& assignment, const Decision& decision,
                       const capsule::Admitted& run, std::string_view policy);
  void refused(const Assignment& assignment, const Decision& decision, std::string_view reason,
               std::string_view message);
  void ended(const Assignment& assignment, const RunResult& result);

 private:
  base::Status write(const std::string& line);
  void rotate() const;

  std::string path_;
};

}  // namespace recap::caplet
