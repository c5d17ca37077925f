// SPDX-License-Identifier: Apache-2.0
// kubectl recap logs: what a run has written, from its status.
#include <string>
#include <vector>

#include "kubectl/command.h"
#include "kubectl/follow.h"
#include "kubectl/runs.h"
#include "kubectl/show.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

using base::Error;
using base::Kind;

base::Status show_run(const RunState& run) {
  for (const TargetResult& result : run.results) {
    RECAP_TRY(show(result, {.verb = "logs", .with_prefix = run.is_part}));
  }
  return {};
}

base::Status show_ended(const ClusterFlags& flags, const std::string& name) {
  Cluster cluster = RECAP_TRY(Cluster::of(flags));
  const RunState run =
      run_state_of(RECAP_TRY(cluster.wait(cluster.client().get(cluster.run(name)))));
  if (run.has_parts) {
    for (const RunState& part : RECAP_TRY(list_parts(cluster, name))) {
      RECAP_TRY(show_run(part));
    }
    return {};
  }
  if (!run.has_ended()) {
    return Error(Kind::kBusy,
                 base::concat<400>("the output of ", name,
                                   " comes when it has ended: wait with -f, or look on node ",
                                   run.node.empty() ? "(none yet)" : std::string_view(run.node),
                                   " with `recap ps` and `recap logs -f`"));
  }
  return show_run(run);
}

base::Status follow_run(const ClusterFlags& flags, const std::string& name) {
  Cluster cluster = RECAP_TRY(Cluster::of(flags));
  (void)RECAP_TRY(follow(cluster, {.name = name, .uid = "", .verb = "logs"}));
  return {};
}

}  // namespace

int logs(std::span<char*> args) {
  std::string name;
  bool follows = false;
  Command command("logs");
  command.bind("--follow", follows).operand(name);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const base::Status shown =
      follows ? follow_run(command.cluster(), name) : show_ended(command.cluster(), name);
  return shown ? 0 : fail("logs", shown.error());
}

}  // namespace recap::kubectl
