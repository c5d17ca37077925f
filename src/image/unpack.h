// SPDX-License-Identifier: Apache-2.0
// Layers of the store: each unpacked once, whole and verified, however many ask for it at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"
#include "image/layer.h"
#include "image/limits.h"
#include "image/store.h"

namespace recap::image {

struct LayerSource {
  Digest diff_id;  // of the uncompressed tar: names the layer in the store
  Digest blob;     // of what is in blobs/
  std::uint64_t size = 0;
};

// What the store remembers of an unpacked layer.
struct LayerRecord {
  std::uint64_t bytes = 0;
  bool root_is_opaque = false;  // hides all layers below it
};

using LayerReport = std::function<void(const Digest& diff_id, const LayerCounts& counts)>;

// Makes sure that every layer is unpacked; `report` is called for those that were not. On return
// they and the store's new blobs are in place and durable. When one fails none is added.
base::Result<std::vector<LayerRecord>> ensure_layers(Store& store,
                                                     std::span<const LayerSource> layers,
                                                     const Limits& limits,
                                                     const LayerReport& report);

// Unpacks the layer into a directory of the workspace that has its diffID's hex digits as name, and
// gives it its record; the digests were checked. It is not durable, and not among the layers.
base::Result<LayerCounts> unpack_apart(const Store& store, const LayerSource& layer,
                                       const Limits& limits);

// The record of a layer; kNotFound when it is not unpacked (or was left half-done).
base::Result<LayerRecord> read_layer_record(const linux::DirFd& store_root, const Digest& diff_id);

}  // namespace recap::image
