// SPDX-License-Identifier: Apache-2.0
// What caller and keeper have to agree on about the merged view, in which the image lies over the
// target's live root: which places the two share, and where a function is at home.
#pragma once

#include <string_view>

namespace recap::run {

// Directories of the root that are merged even when the image has them: they hold data, and no
// program looks for code there by itself. All others are either the image's alone or the target's
// alone.
inline constexpr std::string_view kSharedDirs[] = {"home", "media", "mnt", "run",
                                                   "srv",  "tmp",   "var"};

// HOME and the working directory where nobody chose others: a fresh directory of the function's
// own over the image's. Shells and interpreters run files that they find in either.
inline constexpr std::string_view kMergedHome = "/root";

// Whether `path`, absolute, may show files of the target though the image has such a path.
constexpr bool is_shared_place(std::string_view path) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  const std::string_view top = path.substr(0, path.find('/'));
  if (top.empty() || top == "." || top == "..") {
    return true;
  }
  for (const std::string_view shared : kSharedDirs) {
    if (shared == top) {
      return true;
    }
  }
  return false;
}

}  // namespace recap::run
