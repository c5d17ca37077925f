// SPDX-License-Identifier: Apache-2.0
// recap ps: live runs, and with -a ended ones.
#include <string>
#include <vector>

#include "capsule/json.h"
#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/run_text.h"
#include "cli/verbs.h"
#include "console/output.h"
#include "console/table.h"

namespace recap::cli {
namespace {

void write_json(Output& out, const std::vector<capsule::Run>& runs) {
  capsule::JsonWriter json;
  json.begin_array();
  for (const capsule::Run& run : runs) {
    describe(json, run);
  }
  json.end_array();
  out << json.take();
}

void write_ids(Output& out, const std::vector<capsule::Run>& runs) {
  for (const capsule::Run& run : runs) {
    out << run.id << "\n";
  }
}

void write_table(Output& out, const std::vector<capsule::Run>& runs) {
  Table table({"RUN", "NAME", "FUNCTION", "TARGET", "AGE", "STATUS"});
  for (const capsule::Run& run : runs) {
    table.row({run.id, std::string(run.name()), function_text(run), target_text(run), age_of(run),
               status_text(run)});
  }
  out << table.text();
}

base::Result<std::vector<capsule::Run>> gather(bool all) {
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  auto live = RECAP_TRY(capsule::list_live(dirs));
  if (!all) {
    return live;
  }
  auto runs = RECAP_TRY(capsule::list_ended(dirs));
  for (capsule::Run& run : live) {
    std::erase_if(runs, [&](const capsule::Run& ended) { return ended.id == run.id; });
  }
  std::ranges::move(live, std::back_inserter(runs));
  return runs;
}

}  // namespace

int ps(std::span<char*> args) {
  bool all = false;
  bool quiet = false;
  std::string format;
  Command command("ps");
  command.bind("--all", all).bind("--output", format).bind("--quiet", quiet);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const auto runs = gather(all);
  if (!runs) {
    return fail("ps", runs.error());
  }
  Output out;
  if (quiet) {
    write_ids(out, *runs);
  } else if (format == "json") {
    write_json(out, *runs);
  } else {
    write_table(out, *runs);
  }
  return out.finish("ps");
}

}  // namespace recap::cli
