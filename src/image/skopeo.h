// SPDX-License-Identifier: Apache-2.0
// skopeo, the program that fetches images: it knows registries.conf, auth.json, mirrors and
// policy.json as operators have set them up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recap::image {

// Its path; kNotFound, saying how to get it, when it is not installed.
base::Result<std::string> find_skopeo();

// Runs it. Its output goes to our stderr when `progress`, else nowhere; what it says when it fails
// becomes the error. It ends when we do.
base::Status run_skopeo(const std::string& path, const std::vector<std::string>& arguments,
                        bool progress);

// The last message of skopeo's log, without time and level.
std::string last_message(std::string_view log);

}  // namespace recap::image
