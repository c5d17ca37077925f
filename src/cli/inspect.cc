// SPDX-License-Identifier: Apache-2.0
// recap inspect: the record of an ended run, or what is known of a live one. One JSON object per
// run, so that several are a stream as jq reads it.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capsule/json.h"
#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/run_text.h"
#include "cli/verbs.h"
#include "console/output.h"

namespace recap::cli {

namespace {

// Its Escape had to leave a process that does not die: its directory is still there, and its record
// already.
void add_record_of_unfinished(const capsule::Dirs& dirs, capsule::Run& run) {
  if (run.life != capsule::Life::kDead) {
    return;
  }
  auto record = capsule::read_record(dirs, run.id);
  if (record && record->record.reason != run::Reason::kNotEnded) {
    run.record = std::make_unique<capsule::StoredRecord>(*std::move(record));
  }
}

}  // namespace

int inspect(std::span<char*> args) {
  std::vector<std::string> references;
  Command command("inspect");
  command.operands(references);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  Output out;
  int code = 0;
  for (const std::string& reference : references) {
    auto run = capsule::find_run(dirs, reference, capsule::Among::kAll);
    if (!run) {
      code = fail("inspect", run.error());
      continue;
    }
    add_record_of_unfinished(dirs, *run);
    capsule::JsonWriter json;
    describe(json, *run);
    out << json.take();
  }
  return out.finish("inspect", code);
}

}  // namespace recap::cli
