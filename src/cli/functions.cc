// SPDX-License-Identifier: Apache-2.0
// recap functions: the functions of the installed catalogue.
#include <string>
#include <vector>

#include "capsule/dirs.h"
#include "capsule/json.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "console/output.h"
#include "console/table.h"
#include "image/prepared.h"

namespace recap::cli {
namespace {

// The index keeps what a function may do when its image is removed, so that it may come back.
bool is_in_store(const capsule::Dirs& dirs, const Function& function) {
  const auto image = image::find(dirs.store(), function.digest);
  return image || image.error().kind() != base::Kind::kNotFound;
}

void write_table(Output& out, const std::vector<Function>& found) {
  Table table({"NAME", "DESCRIPTION", "DIGEST"});
  for (const Function& function : found) {
    table.row({function.name, function.description, function.digest.substr(0, 19)});
  }
  out << table.text();
}

void write_json(Output& out, const std::vector<Function>& found) {
  capsule::JsonWriter json;
  json.begin_array();
  for (const Function& function : found) {
    json.begin_object()
        .key("name")
        .text(function.name)
        .key("description")
        .text(function.description);
    json.key("digest").text(function.digest).end_object();
  }
  json.end_array();
  out << json.take();
}

}  // namespace

int functions(std::span<char*> args) {
  std::string search;
  std::string format;
  Command command("functions");
  command.bind("--output", format).operand(search);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  auto found = read_catalog(dirs.catalog_index());
  if (!found) {
    return fail("functions", found.error());
  }
  std::erase_if(*found, [&](const Function& function) {
    return !matches(function, search) || !is_in_store(dirs, function);
  });
  Output out;
  if (format == "json") {
    write_json(out, *found);
  } else {
    write_table(out, *found);
  }
  return out.finish("functions");
}

}  // namespace recap::cli
