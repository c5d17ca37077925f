// SPDX-License-Identifier: Apache-2.0
// kubectl recap shell: there is no terminal through the API server yet, so it says, for this pod,
// where and how to get one today.
#include <string>

#include "console/escape.h"
#include "kube/json.h"
#include "kubectl/command.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

struct Place {
  std::string node, target;
};

base::Result<Place> place_of(const ClusterFlags& flags, const std::string& pod,
                             const std::string& container) {
  Cluster cluster = RECAP_TRY(Cluster::of(flags));
  const kube::Endpoint where{kube::kPods, cluster.ns(), pod};
  const auto object = RECAP_TRY(cluster.wait(cluster.client().get(where)));
  std::string target = "pod/" + cluster.ns() + "/" + pod;
  if (!container.empty()) {
    target += "/" + container;
  }
  return Place{std::string(kube::text_at(object, {"spec", "nodeName"})), std::move(target)};
}

}  // namespace

int shell(std::span<char*> args) {
  std::string pod;
  std::string container;
  Command command("shell");
  command.bind("--container", container).operand(pod);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const auto place = place_of(command.cluster(), pod, container);
  if (!place) {
    return fail("shell", place.error());
  }
  complain("shell", "a terminal cannot be passed through the API server yet; as root on node " +
                        place->node + ", today: recap shell " + place->target +
                        "; without a terminal, from here: kubectl recap run toolbox " + pod +
                        " --entrypoint sh -- -c 'COMMAND'");
  return kExitOurs;
}

}  // namespace recap::kubectl
