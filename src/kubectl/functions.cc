// SPDX-License-Identifier: Apache-2.0
// kubectl recap functions: what the catalogue of this version has.
#include <algorithm>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "console/table.h"
#include "kubectl/catalog_list.h"
#include "kubectl/command.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view search) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return search.empty() || !std::ranges::search(text, search, same).empty();
}

void write_table(Output& out, const std::vector<Function>& found) {
  console::Table table({"NAME", "DESCRIPTION"});
  for (const Function& function : found) {
    table.row({std::string(function.name), std::string(function.description)});
  }
  out << table.text();
}

void write_json(Output& out, const std::vector<Function>& found) {
  boost::json::array array;
  for (const Function& function : found) {
    array.push_back(
        boost::json::object{{"name", function.name}, {"description", function.description}});
  }
  out << boost::json::serialize(array) << "\n";
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
  std::vector<Function> found;
  std::ranges::copy_if(kCatalog, std::back_inserter(found), [&](const Function& function) {
    return contains(function.name, search) || contains(function.description, search);
  });
  Output out;
  if (format == "json") {
    write_json(out, found);
  } else {
    write_table(out, found);
  }
  return out.finish("functions");
}

}  // namespace recap::kubectl
