// SPDX-License-Identifier: Apache-2.0
// How much an image may ask for: bytes and entries of all its layers together. The defaults are far
// above what images hold and far below what fills a node.
#pragma once

#include <cstddef>
#include <cstdint>

namespace recap::image {

struct Limits {
  std::uint64_t max_bytes = std::uint64_t{64} << 30;  // of the stream, and of the files in it
  std::uint64_t max_entries = 1'000'000;
  // A stream that grew past the floor must not have grown by more than the ratio.
  std::uint64_t max_ratio = 200;
  std::uint64_t ratio_floor = std::uint64_t{256} << 20;
  std::size_t max_path = 4096;
  std::uint64_t max_directory_bytes = std::uint64_t{64} << 20;  // what is kept of them to the end
  std::size_t max_depth = 256;  // one descriptor per level is needed to remove a tree
  std::size_t max_xattrs = 64;
  std::size_t max_xattr_bytes = std::size_t{64} << 10;
};

}  // namespace recap::image
