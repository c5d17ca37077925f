// SPDX-License-Identifier: Apache-2.0
// kubectl recap inspect: the objects of runs as JSON, one a line.
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>

#include "kubectl/command.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

base::Status write_each(Output& out, const ClusterFlags& flags,
                        const std::vector<std::string>& names) {
  Cluster cluster = RECAP_TRY(Cluster::of(flags));
  for (const std::string& name : names) {
    boost::json::object object = RECAP_TRY(cluster.wait(cluster.client().get(cluster.run(name))));
    if (auto* meta = object["metadata"].if_object()) {
      meta->erase("managedFields");
    }
    out << boost::json::serialize(object) << "\n";
  }
  return {};
}

}  // namespace

int inspect(std::span<char*> args) {
  std::vector<std::string> names;
  Command command("inspect");
  command.operands(names);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  Output out;
  if (const auto written = write_each(out, command.cluster(), names); !written) {
    (void)out.flush();
    return fail("inspect", written.error());
  }
  return out.finish("inspect");
}

}  // namespace recap::kubectl
