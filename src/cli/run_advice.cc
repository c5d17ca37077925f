// SPDX-License-Identifier: Apache-2.0
#include "cli/run_advice.h"

#include "base/fixed_string.h"
#include "console/escape.h"
#include "image/prepared.h"

namespace recap::cli {
namespace {

using console::printable;

// A lone word is a target; whether it may be an image whose target was forgotten. Containers have
// names without ':' and '/'.
bool may_be_image(std::string_view word, base::Kind error, const capsule::Dirs& dirs) {
  if (word.starts_with("pid:") || word.starts_with("pod/") ||
      word.find("://") != std::string_view::npos) {
    return false;
  }
  const bool is_no_name = word.find_first_of(":/") != std::string_view::npos;
  return (error == base::Kind::kInvalid && is_no_name) ||
         (error == base::Kind::kNotFound && (is_no_name || image::find(dirs.store(), word)));
}

}  // namespace

base::Error or_target_is_missing(base::Error error, std::string_view word,
                                 const capsule::Dirs& dirs) {
  if (!may_be_image(word, error.kind(), dirs)) {
    return error;
  }
  return {base::Kind::kInvalid,
          base::concat<500>("the target is missing: if '", printable(word, 100),
                            "' is the function or image, write recap run ", printable(word, 100),
                            " TARGET; `recap targets` lists what runs here")};
}

base::Error or_words_are_swapped(base::Error error, const capsule::RunRequest& request,
                                 const targets::Roots& roots) {
  if (!targets::find(request.image, roots)) {
    return error;
  }
  const auto first = printable(request.image, 100);
  return {base::Kind::kInvalid,
          base::concat<500>("'", first, "' is a target: it comes last, as in recap run ",
                            printable(request.target, 100), " ", first)};
}

}  // namespace recap::cli
