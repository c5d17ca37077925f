// SPDX-License-Identifier: Apache-2.0
#include "cli/run_path.h"

#include <cstddef>

namespace recap::cli {

RunPath parse_run_path(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || word.find('/') < colon) {
    return {"", word};
  }
  const std::string_view path = word.substr(colon + 1);
  return {word.substr(0, colon), path.empty() ? "/" : path};
}

std::string_view last_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name == "." || name == ".." ? "" : name;
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return ".";
  }
  return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace recap::cli
