// SPDX-License-Identifier: Apache-2.0
// Follows a CapsuleRun, by a watch, until it has ended, and shows what its targets wrote.
#pragma once

#include <string>

#include "base/result.h"
#include "kubectl/cluster.h"
#include "kubectl/interrupts.h"

namespace recap::kubectl {

struct Followed {
  std::string name;
  std::string uid;        // "": whatever has the name
  std::string_view verb;  // of what is said on stderr
  bool quiet = false;
  Interrupts* ends = nullptr;  // a signal deletes the run; nullptr: signals are not ours
};

// The exit code of the run, 128+N after a signal N once the object is gone. kNotFound, kGone when
// there is no such run, or no more; kDenied when it may not be watched.
base::Result<int> follow(Cluster& cluster, const Followed& what);

}  // namespace recap::kubectl
