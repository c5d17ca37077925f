// SPDX-License-Identifier: Apache-2.0
// recap version. It works without root, so that a bug report can always have it.
#include <string>

#include "capsule/json.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "cli/version_info.h"
#include "console/output.h"
#include "run/control.h"
#include "run/record.h"
#include "run/spec.h"

namespace recap::cli {

int version(std::span<char*> args) {
  std::string format;
  Command command("version");
  command.bind("--output", format);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  Output out;
  if (format == "json") {
    capsule::JsonWriter json;
    json.begin_object().key("version").text(kVersion).key("commit").text(kCommit);
    json.key("formats").begin_object().key("spec").number(run::kSpecVersion);
    json.key("record")
        .number(run::kRecordVersion)
        .key("control")
        .number(run::kControlVersion)
        .end_object();
    json.end_object();
    out << json.take();
  } else {
    out << "recap " << kVersion << " (" << kCommit << ")\n";
  }
  return out.finish("version");
}

}  // namespace recap::cli
