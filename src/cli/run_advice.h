// SPDX-License-Identifier: Apache-2.0
// What a user may have meant whose words name no target.
#pragma once

#include <string_view>

#include "base/result.h"
#include "capsule/dirs.h"
#include "capsule/request.h"
#include "targets/target.h"

namespace recap::cli {

// `error` is why the lone `word` is no target; the advice instead, if it may be an image.
base::Error or_target_is_missing(base::Error error, std::string_view word,
                                 const capsule::Dirs& dirs);

// Function and target in the wrong order, if the first word is a target and the second is none.
base::Error or_words_are_swapped(base::Error error, const capsule::RunRequest& request,
                                 const targets::Roots& roots);

}  // namespace recap::cli
