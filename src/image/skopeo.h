// SPDX-License-Identifier: Apache-2.0
// skopeo, the program that fetches images: it knows registries.conf, auth.json, mirrors and
// policy.json as operators have set them up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/fetch_watch.h"

namespace recap::image {

// Its path; kNotFound, saying how to get it, when it is not installed.
base::Result<std::string> find_skopeo();

// Runs it. Its output goes to our stderr when `progress`, else nowhere; what it says when it fails
// becomes the error, and so does `watch`, which ends it (null: nobody watches). It ends when we do.
base::Status run_skopeo(const std::string& path, const std::vector<std::string>& arguments,
                        bool progress, FetchWatch* watch);

// What to do about a message of skopeo's, as the end of a sentence; "" when we know nothing better.
std::string_view advice_for(std::string_view message);

// The last message of skopeo's log, without time and level.
std::string last_message(std::string_view log);

}  // namespace recap::image
