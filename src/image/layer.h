// SPDX-License-Identifier: Apache-2.0
// From the tar stream of a layer to a directory that an overlay can be made of.
//
// What a layer cannot bring in: files outside its directory, device nodes, sockets and FIFOs (left
// out), setuid and setgid bits of files, file capabilities, POSIX ACLs and every extended attribute
// but user.* (taken off), overlay's own attributes. All that is counted, so that it can be
// reported.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "image/inflate.h"
#include "image/layer_tree.h"
#include "image/limits.h"

namespace recap::image {

struct LayerCounts {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;          // of regular files
  std::uint64_t special_files = 0;  // device nodes, FIFOs, sockets: left out
  std::uint64_t setid_bits = 0;     // files that had setuid or setgid
  std::uint64_t file_capabilities = 0;
  std::uint64_t attributes = 0;  // extended attributes and ACLs, taken off
};

// Fills `tree` from `stream`, to the stream's very end. On failure the tree is garbage.
base::Result<LayerCounts> unpack_layer(Inflate& stream, LayerTree& tree, const Limits& limits);

}  // namespace recap::image
