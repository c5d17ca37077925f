// SPDX-License-Identifier: Apache-2.0
// Any bytes as the catalogue's index and as an image's labels: only a whole digest finds its
// function, and a request that is read asks for known things only.
#include <map>
#include <string>

#include "check.h"
#include "policy/capabilities.h"
#include "policy/catalog_index.h"
#include "policy/image_defaults.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

void read_index(std::string_view text) {
  const std::string_view digest = text.substr(0, std::min<std::size_t>(text.find(' '), 71));
  const std::string_view name = policy::function_in(text, digest);
  if (!name.empty()) {
    check(name.find_first_of(" \n") == std::string_view::npos);
    const std::string line = std::string(digest) + " " + std::string(name);
    check(("\n" + std::string(text)).find("\n" + line) != std::string::npos);
  }
  check(policy::function_in(text, "").empty());
}

void read_labels(std::string_view text) {
  std::map<std::string, std::string> labels;
  for (const char* name : {"share", "view", "capabilities", "user", "profile", "paths"}) {
    const std::string_view value = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(value.size() + 1, text.size()));
    labels["dev.recap." + std::string(name)] = value;
  }
  const auto request = policy::defaults_of(labels);
  if (!request) {
    return;
  }
  check(!request->view || *request->view <= run::View::kMerged);
  for (const policy::PathGrant& grant : request->paths.value_or(std::vector<policy::PathGrant>())) {
    check(grant.path.starts_with('/') && (grant.path + "/").find("/../") == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_index(text);
  read_labels(text);
  return 0;
}
