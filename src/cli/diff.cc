// SPDX-License-Identifier: Apache-2.0
// recap diff: what a live run wrote to its own files.
#include <string>
#include <vector>

#include "capsule/json.h"
#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/layer_walk.h"
#include "cli/run_files.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"

namespace recap::cli {
namespace {

base::Result<Changes> changes_of(const std::string& reference) {
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  const auto run = RECAP_TRY(capsule::find_run(dirs, reference, capsule::Among::kLive));
  const RunFiles files = RECAP_TRY(files_of(dirs, run));
  LowerLayers lower;
  if (run.spec) {
    const run::Spec& spec = run.spec->spec;
    lower = LowerLayers(std::span(spec.layers).first(spec.layer_count));
  }
  return walk_upper(files.upper.get(), lower, files.function_started_ns);
}

void write_table(Output& out, const Changes& changes) {
  for (const Change& change : changes.found) {
    out << std::string_view(&change.kind, 1) << " " << printable(change.path) << "\n";
  }
}

void write_json(Output& out, const Changes& changes) {
  capsule::JsonWriter json;
  json.begin_array();
  for (const Change& change : changes.found) {
    json.begin_object().key("kind").text(std::string_view(&change.kind, 1));
    json.key("path").text(change.path).end_object();
  }
  json.end_array();
  out << json.take();
}

}  // namespace

int diff(std::span<char*> args) {
  std::string reference;
  std::string format;
  Command command("diff");
  command.bind("--output", format).operand(reference);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const auto changes = changes_of(reference);
  if (!changes) {
    return fail("diff", changes.error());
  }
  Output out;
  if (format == "json") {
    write_json(out, *changes);
  } else {
    write_table(out, *changes);
  }
  if (changes->cut) {
    complain("diff", "too many files: only the first " + std::to_string(changes->found.size()) +
                         " are shown");
  }
  return out.finish("diff", changes->cut ? kExitOurs : 0);
}

}  // namespace recap::cli
