// SPDX-License-Identifier: Apache-2.0
// kubectl recap ps: the CapsuleRuns of a namespace.
#include <time.h>

#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "console/table.h"
#include "console/units.h"
#include "kubectl/command.h"
#include "kubectl/runs.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

void write_table(Output& out, const std::vector<ListedRun>& runs, bool everywhere) {
  console::Table table(everywhere
                           ? std::initializer_list<std::string_view>{"NAMESPACE", "RUN", "FUNCTION",
                                                                     "POD", "NODE", "AGE", "STATUS"}
                           : std::initializer_list<std::string_view>{"RUN", "FUNCTION", "POD",
                                                                     "NODE", "AGE", "STATUS"});
  for (const ListedRun& run : runs) {
    const RunState& state = run.state;
    std::vector<std::string> cells;
    if (everywhere) {
      cells.push_back(state.ns);
    }
    const std::string pod =
        state.has_parts ? "(" + std::to_string(state.total) + " pods)" : state.pod;
    for (const std::string& cell :
         {state.name, state.function, pod, state.node,
          console::age_text(::time(nullptr) - state.created_s), status_text(state)}) {
      cells.push_back(cell);
    }
    table.row(std::move(cells));
  }
  out << table.text();
}

void write_json(Output& out, std::vector<ListedRun>& runs) {
  boost::json::array array;
  for (ListedRun& run : runs) {
    array.push_back(std::move(run.object));
  }
  out << boost::json::serialize(array) << "\n";
}

base::Result<std::vector<ListedRun>> gather(const ClusterFlags& flags, Which which,
                                            bool everywhere) {
  Cluster cluster = RECAP_TRY(Cluster::of(flags));
  return list_runs(cluster, which, everywhere);
}

}  // namespace

int ps(std::span<char*> args) {
  bool all = false;
  bool everywhere = false;
  bool quiet = false;
  std::string format;
  Command command("ps");
  command.bind("--all", all).bind("--all-namespaces", everywhere);
  command.bind("--output", format).bind("--quiet", quiet);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  auto runs = gather(command.cluster(), all ? Which::kAll : Which::kLive, everywhere);
  if (!runs) {
    return fail("ps", runs.error());
  }
  Output out;
  if (quiet) {
    for (const ListedRun& run : *runs) {
      out << run.state.name << "\n";
    }
  } else if (format == "json") {
    write_json(out, *runs);
  } else {
    write_table(out, *runs, everywhere);
  }
  return out.finish("ps");
}

}  // namespace recap::kubectl
