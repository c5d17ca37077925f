// SPDX-License-Identifier: Apache-2.0
// The ceilings of a cluster: which CapsulePolicy covers a run, with everything that was decided for
// it and with what only this node can see of its target. One policy has to cover it all; they do
// not add up. What was asked for is refused or granted, never narrowed, but for the deadline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "caplet/declared.h"
#include "caplet/reporter.h"
#include "capsule/admit.h"
#include "kube/kinds.h"

namespace recap::caplet {

// What the node sees of a target.
struct TargetFacts {
  std::uint8_t host_shares = 0;  // namespaces that it has in common with the host
  bool is_privileged = false;    // it could leave its container anyway, or by way of our stubs
  bool is_root = false;          // its first process runs as uid 0 of the host
};
base::Result<TargetFacts> facts_of(const targets::Target& target);

struct Asked {
  const Declared& declared;
  const NodeTarget& target;
  TargetFacts facts;
  const Load& load;
};

// kDenied with the reason: of the policies that are for this run, or that there is none. The
// policy's deadline, and its cpu limit where none was asked for, are put into `run`.
base::Result<Cover> admit_under(const std::vector<kube::CapsulePolicy>& policies,
                                const Asked& asked, capsule::Admitted& run);

}  // namespace recap::caplet
