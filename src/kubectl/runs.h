// SPDX-License-Identifier: Apache-2.0
// The CapsuleRuns of a namespace, as `ps`, `stop` and completion need them.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "kubectl/cluster.h"
#include "kubectl/run_state.h"

namespace recap::kubectl {

struct ListedRun {
  RunState state;
  boost::json::object object;
};

enum class Which { kLive, kAll };

// In the order of their keys, without the parts of runs with a selector. `everywhere`: of every
// namespace.
base::Result<std::vector<ListedRun>> list_runs(Cluster& cluster, Which which,
                                               bool everywhere = false);

// The parts of a run with a selector.
base::Result<std::vector<RunState>> list_parts(Cluster& cluster, const std::string& name);

}  // namespace recap::kubectl
