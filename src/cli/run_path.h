// SPDX-License-Identifier: Apache-2.0
// The words of `recap cp`.
#pragma once

#include <string>
#include <string_view>

namespace recap::cli {

struct RunPath {
  std::string_view run;   // empty: a local path
  std::string_view path;  // of a run: "/" when nothing follows the colon
};

// "RUN:PATH" when there is a colon before the first slash, as scp has it; "./a:b" is local.
RunPath parse_run_path(std::string_view word);

// The last component; empty when the path ends in a slash, "." or "..".
std::string_view last_name(std::string_view path);

// All before the last component: "." for "name", "/" for "/name".
std::string parent_of(std::string_view path);

}  // namespace recap::cli
