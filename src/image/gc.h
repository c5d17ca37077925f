// SPDX-License-Identifier: Apache-2.0
// Taking images out of the store: on request (rmi), and what nothing refers to any more (gc).
//
// An image stays while a reference names it or a live run holds a lease on it; a layer or a blob
// while an image that stays needs it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"
#include "image/store.h"

namespace recap::image {

struct Removed {
  std::vector<std::string> references;
  std::vector<Digest> images;
  std::uint64_t layers = 0;
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;  // of layers and blobs
};

// `store` must be open exclusively. With `dry_run` nothing is changed, only counted.
base::Result<Removed> collect_garbage(Store& store, bool dry_run);

// Removes a reference; the image too when that was its last one. By digest: with all references.
// kBusy when a live run uses it.
base::Result<Removed> remove_image(Store& store, std::string_view reference);

// The live runs of each image, by their specs.
base::Result<std::map<Digest, std::set<std::string>>> live_leases(const Store& store);

}  // namespace recap::image
