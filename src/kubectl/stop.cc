// SPDX-License-Identifier: Apache-2.0
// kubectl recap stop: deletes CapsuleRuns and waits until they are gone.
#include <string>
#include <vector>

#include "kube/watch.h"
#include "kubectl/command.h"
#include "kubectl/runs.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

using base::Error;
using base::Kind;

base::Status wait_until_gone(Cluster& cluster, const std::string& name) {
  bool is_gone = false;
  std::optional<Error> trouble;
  kube::WatchOptions options{.collection = cluster.runs()};
  options.field_selector = "metadata.name=" + name;
  kube::Watch<RunState> watch(
      cluster.client(), options,
      [](const boost::json::object& object) { return std::optional(run_state_of(object)); },
      [&](const kube::Change<RunState>&) {},
      [&](const Error& error) {
        if (error.kind() == Kind::kDenied) {
          trouble = error;
        }
      });
  watch.start();
  while (!is_gone && !trouble) {
    cluster.loop().run_one();
    is_gone = watch.synced() && watch.size() == 0;
  }
  return trouble ? base::Status(*std::move(trouble)) : base::Status();
}

base::Status stop_one(Cluster& cluster, const std::string& name) {
  const RunState run =
      run_state_of(RECAP_TRY(cluster.wait(cluster.client().get(cluster.run(name)))));
  kube::DeleteOptions options;
  options.propagation = run.has_parts ? "Foreground" : "";  // waits for the parts
  RECAP_TRY(cluster.wait(cluster.client().remove(cluster.run(name), options)));
  return wait_until_gone(cluster, name);
}

base::Status add_live(Cluster& cluster, std::vector<std::string>& names) {
  for (const ListedRun& run : RECAP_TRY(list_runs(cluster, Which::kLive))) {
    names.push_back(run.state.name);
  }
  return {};
}

base::Result<bool> stop_each(const ClusterFlags& flags, std::vector<std::string> names, bool all) {
  Cluster cluster = RECAP_TRY(Cluster::of(flags));
  if (all) {
    RECAP_TRY(add_live(cluster, names));
  }
  bool good = true;
  Output out;
  for (const std::string& name : names) {
    if (auto stopped = stop_one(cluster, name); !stopped) {
      good = false;
      fail("stop", stopped.error());
    } else {
      out << name << "\n";
    }
  }
  RECAP_TRY(out.flush());
  return good;
}

}  // namespace

int stop(std::span<char*> args) {
  std::vector<std::string> names;
  bool all = false;
  Command command("stop");
  command.bind("--all", all).operands(names);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  if (names.empty() != all) {
    complain("stop", all ? "--all takes no names" : "say which runs, or --all");
    return kExitOurs;
  }
  const auto good = stop_each(command.cluster(), std::move(names), all);
  return !good ? fail("stop", good.error()) : *good ? 0 : kExitOurs;
}

}  // namespace recap::kubectl
