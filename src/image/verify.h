// SPDX-License-Identifier: Apache-2.0
// Whether the store still holds what it took in: blobs against their digests, layers against what
// their blobs unpack to, images against what they need.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "image/importer.h"
#include "image/store.h"

namespace recap::image {

struct Verified {
  std::uint64_t images = 0, layers = 0, blobs = 0;
  std::uint64_t bytes = 0;  // of blobs
  std::uint64_t damaged = 0;
};

// Looks at everything, and says with `notice` what is damaged, a line each. Nothing is changed. For
// each layer it needs the room to unpack it once more.
base::Result<Verified> verify_store(Store& store, const Notice& notice);

}  // namespace recap::image
