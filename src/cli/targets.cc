// SPDX-License-Identifier: Apache-2.0
// recap targets: what a Capsule can be attached to.
#include <string>
#include <vector>

#include "capsule/json.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"
#include "console/table.h"
#include "targets/target.h"

namespace recap::cli {
namespace {

using targets::Target;

constexpr std::size_t kShownId = 12;  // as Docker and Podman show ids

const char* text_of(targets::State state) {
  switch (state) {
    case targets::State::kRunning:
      return "Running";
    case targets::State::kPaused:
      return "Paused";
    case targets::State::kStopped:
      return "Stopped";
  }
  return "?";
}

std::string pod_text(const Target& target) {
  return target.pod.empty() ? "" : target.pod_namespace + "/" + target.pod + "/" + target.container;
}

void write_table(Output& out, const std::vector<Target>& found) {
  Table table({"NAME", "RUNTIME", "ID", "PID", "STATE", "IMAGE", "POD"});
  for (const Target& target : found) {
    table.row({target.name, target.runtime, target.id.substr(0, kShownId),
               std::to_string(target.pid), text_of(target.state), target.image, pod_text(target)});
  }
  out << table.text();
}

void write_json(Output& out, const std::vector<Target>& found) {
  capsule::JsonWriter json;
  json.begin_array();
  for (const Target& target : found) {
    json.begin_object().key("name").text(target.name).key("runtime").text(target.runtime);
    json.key("id")
        .text(target.id)
        .key("pid")
        .number(target.pid)
        .key("state")
        .text(text_of(target.state));
    json.key("image").text(target.image);
    if (!target.pod.empty()) {
      json.key("pod")
          .begin_object()
          .key("namespace")
          .text(target.pod_namespace)
          .key("name")
          .text(target.pod);
      json.key("container").text(target.container).end_object();
    }
    json.key("labels").begin_object();
    for (const auto& [key, value] : target.labels) {
      json.key(key).text(value);
    }
    json.end_object().end_object();
  }
  json.end_array();
  out << json.take();
}

}  // namespace

int targets(std::span<char*> args) {
  std::string format;
  bool quiet = false;
  Command command("targets");
  command.bind("--output", format).bind("--quiet", quiet);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const auto found = recap::targets::list(recap::targets::roots_from_env());
  if (!found) {
    return fail("targets", found.error());
  }
  Output out;
  if (quiet) {
    for (const Target& target : *found) {
      out << printable(target.name) << "\n";
    }
  } else if (format == "json") {
    write_json(out, *found);
  } else {
    write_table(out, *found);
  }
  return out.finish("targets");
}

}  // namespace recap::cli
