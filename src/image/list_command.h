// SPDX-License-Identifier: Apache-2.0
// `recap images`: the store's images as a table or as JSON.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "image/prepared.h"

namespace recap::image {

// `whole_digests`: not only their first digits.
std::string images_as_table(std::span<const PreparedImage> images, bool whole_digests);
std::string images_as_json(std::span<const PreparedImage> images);

// "3.4 MB", in powers of 1000, as container tools count images.
std::string readable_size(std::uint64_t bytes);

}  // namespace recap::image
