// SPDX-License-Identifier: Apache-2.0
#include "cli/catalog.h"

#include <algorithm>

#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::cli {
namespace {

constexpr std::size_t kMaxIndexBytes = 1 << 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view search) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return !std::ranges::search(text, search, same).empty() || search.empty();
}

}  // namespace

std::vector<Function> parse_catalog(std::string_view text) {
  std::vector<Function> functions;
  while (!text.empty()) {
    std::string_view line = linux::next_line(text);
    if (line.starts_with('#')) {
      continue;
    }
    const std::string_view digest = linux::next_word(line);
    const std::string_view name = linux::next_word(line);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!name.empty()) {
      functions.push_back({std::string(digest), std::string(name), std::string(line)});
    }
  }
  std::ranges::sort(functions, {}, &Function::name);
  return functions;
}

base::Result<std::vector<Function>> read_catalog(const std::string& path) {
  std::string buffer(kMaxIndexBytes, '\0');
  const auto text = linux::read_file_at(linux::kCwd, path.c_str(), buffer);
  if (!text) {
    if (text.error().kind() == base::Kind::kNotFound) {
      return std::vector<Function>{};
    }
    return text.error();
  }
  return parse_catalog(*text);
}

bool matches(const Function& function, std::string_view search) {
  return contains(function.name, search) || contains(function.description, search);
}

}  // namespace recap::cli
