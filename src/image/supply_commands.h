// SPDX-License-Identifier: Apache-2.0
// The verbs of recap-image that start other programs: pull and push (skopeo), build (a builder).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/importer.h"
#include "image/options.h"

namespace recap::image {

using Words = std::span<const std::string_view>;

inline constexpr OptionSpec kStore{"--store", true};

base::Result<std::string> pull_command(Words words, const Notice& notice);
base::Result<std::string> push_command(Words words, const Notice& notice);
base::Result<std::string> build_command(Words words, const Notice& notice);

// A line per image: its name and its digest.
std::string lines_of(const std::vector<Imported>& images);

}  // namespace recap::image
