// SPDX-License-Identifier: Apache-2.0
// The installed catalogue index as people read it. What a function may do is not decided by this:
// see policy/catalog_index.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recap::cli {

struct Function {
  std::string digest;  // sha256:…
  std::string name;
  std::string description;
};

// Lines "DIGEST NAME [DESCRIPTION…]"; empty ones and those that begin with # are skipped.
std::vector<Function> parse_catalog(std::string_view text);

// Of the index file; a missing one has no functions.
base::Result<std::vector<Function>> read_catalog(const std::string& path);

// Whether name or description have `search` in them, in any case.
bool matches(const Function& function, std::string_view search);

}  // namespace recap::cli
