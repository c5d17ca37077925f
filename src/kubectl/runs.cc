// SPDX-License-Identifier: Apache-2.0
#include "kubectl/runs.h"

#include <utility>

namespace recap::kubectl {

base::Result<std::vector<ListedRun>> list_runs(Cluster& cluster, Which which, bool everywhere) {
  std::vector<ListedRun> runs;
  kube::Endpoint where = cluster.runs();
  if (everywhere) {
    where.ns.clear();
  }
  (void)RECAP_TRY(
      cluster.wait(cluster.client().list(where, {}, [&](const boost::json::object& object) {
        ListedRun run{run_state_of(object), object};
        if (!run.state.is_part && (which == Which::kAll || !run.state.has_ended())) {
          runs.push_back(std::move(run));
        }
      })));
  return runs;
}

base::Result<std::vector<RunState>> list_parts(Cluster& cluster, const std::string& name) {
  std::vector<RunState> parts;
  kube::ListOptions options;
  options.label_selector = "recap.dev/run=" + name;
  (void)RECAP_TRY(cluster.wait(cluster.client().list(
      cluster.runs(), std::move(options),
      [&](const boost::json::object& object) { parts.push_back(run_state_of(object)); })));
  return parts;
}

}  // namespace recap::kubectl
