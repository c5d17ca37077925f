// SPDX-License-Identifier: Apache-2.0
// The verbs of recap-image, from words to result. What each accepts is in `recap help VERB`.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/importer.h"

namespace recap::image {

// Runs `words` (a verb, its options and arguments). The result is what goes to stdout; lines for
// the user go to `notice` while it runs.
base::Result<std::string> run_command(std::span<const std::string_view> words,
                                      const Notice& notice);

}  // namespace recap::image
