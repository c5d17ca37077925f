// SPDX-License-Identifier: Apache-2.0
// Names that an image, an archive or a user chose, made fit for a sentence: bounded, and without
// anything a terminal would obey.
#pragma once

#include <string>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"

namespace recap::image {

// At most `limit` characters of `text`; what is not printable ASCII becomes '?', a cut ends in
// "...".
inline std::string printable(std::string_view text, std::size_t limit = 120) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    if (c < ' ' || c > '~') {
      c = '?';
    }
  }
  if (text.size() > limit) {
    out += "...";
  }
  return out;
}

// An error whose sentence is put together from `parts`.
template <typename... Parts>
base::Error failure(base::Kind kind, const Parts&... parts) {
  return {kind, base::concat<512>(parts...).view()};
}

}  // namespace recap::image
