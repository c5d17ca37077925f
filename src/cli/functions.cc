// SPDX-License-Identifier: Apache-2.0
// recap functions: the functions of the installed catalogue; of one that is named, what it may do
// and what it is for.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "capsule/dirs.h"
#include "capsule/function_limits.h"
#include "capsule/json.h"
#include "capsule/quantity.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"
#include "console/table.h"
#include "image/prepared.h"
#include "policy/image_defaults.h"
#include "policy/words.h"

namespace recap::cli {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

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

std::string paths_text(const std::vector<policy::PathGrant>& paths) {
  std::string text;
  for (const policy::PathGrant& path : paths) {
    text.append(text.empty() ? "" : ", ").append(path.path);
    text += path.writable ? " (writable)" : "";
  }
  return text;
}

// What the function gets where the user's flags say nothing.
base::Result<std::string> page_of(const Function& function, const image::PreparedImage& image) {
  const policy::Request asks = RECAP_TRY(policy::defaults_of(image.labels));
  const run::Limits limits = RECAP_TRY(capsule::limits_of({}, image.labels));
  std::string view(policy::name_of(asks.view.value_or(run::View::kNothing)));
  if (asks.paths && !asks.paths->empty()) {
    view = paths_text(*asks.paths);
  }
  const std::pair<std::string_view, std::string> lines[] = {
      {"shares", policy::share_text(asks.share.value_or(policy::kDefaultShare))},
      {"sees", std::move(view)},
      {"capabilities", policy::to_text(asks.capabilities.value_or(policy::kNoCapability))},
      {"runs as", std::string(policy::name_of(asks.run_as.value_or(run::RunAs::kReserved)))},
      {"profile", std::string(policy::name_of(asks.profile.value_or(run::Profile::kRestricted)))},
      {"limits", std::string(base::concat<160>(limits.cpu_millis, "m CPU, ",
                                               capsule::size_text(limits.memory_bytes), " memory, ",
                                               limits.pids, " processes, ",
                                               capsule::size_text(limits.scratch_bytes), " scratch")
                                 .view())},
      {"size", capsule::size_text((image.size_bytes + kMiB - 1) / kMiB * kMiB)},
      {"digest", function.digest}};
  std::string page = console::printable(function.name + ": " + function.description) + "\n\n";
  for (const auto& [name, value] : lines) {
    page.append("  ").append(name).append(14 - name.size(), ' ');
    page.append(console::printable(value)).append("\n");
  }
  if (const auto help = image.labels.find("dev.recap.help"); help != image.labels.end()) {
    page.append("\n").append(console::printable_lines(help->second)).append("\n");
  }
  return page;
}

int show(const capsule::Dirs& dirs, const Function& function) {
  const auto image = image::find(dirs.store(), function.digest);
  if (!image) {
    return fail("functions", image.error());
  }
  const auto page = page_of(function, *image);
  if (!page) {
    return fail("functions", page.error());
  }
  Output out;
  out << *page;
  return out.finish("functions");
}

int write_list(std::string_view format, const std::vector<Function>& found) {
  Output out;
  if (format == "json") {
    write_json(out, found);
  } else {
    write_table(out, found);
  }
  return out.finish("functions");
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
  if (const auto named = std::ranges::find(*found, search, &Function::name);
      named != found->end() && format != "json") {
    return show(dirs, *named);
  }
  std::erase_if(*found, [&](const Function& function) {
    return !matches(function, search) || !is_in_store(dirs, function);
  });
  return write_list(format, *found);
}

}  // namespace recap::cli
