// SPDX-License-Identifier: Apache-2.0
// A blob as a stream of its uncompressed bytes, with the digest of what goes in and of what comes
// out, and with a stop for what grows without bound.
//
// Exactly one compression is undone, the one that the first bytes show; a bomb inside a bomb stays
// one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "image/limits.h"
#include "image/sha256.h"

struct archive;

namespace recap::image {

enum class Compression : std::uint8_t { kNone, kGzip, kZstd, kXz, kBzip2 };

Compression compression_of(std::span<const std::byte> first_bytes);

class Inflate {
 public:
  // Reads `fd` from where it stands; it may be a pipe and must stay open.
  Inflate(int fd, const Limits& limits);
  ~Inflate();
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;

  // The next bytes, valid until the next call; empty at the end.
  base::Result<std::span<const std::byte>> next();

  // Reads on to the end of the stream and of the blob; then the digests are those of the whole.
  base::Status drain();

  [[nodiscard]] Digest digest_in() { return hash_in_.finish(); }
  [[nodiscard]] Digest digest_out() { return hash_out_.finish(); }
  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }
  [[nodiscard]] Compression compression() const { return compression_; }

  // For the archive library: reads raw bytes of the blob.
  base::Result<std::span<const std::byte>> read_blob();

 private:
  struct Free {
    void operator()(archive* reader) const;
  };

  base::Status start();
  base::Status check_growth() const;

  int fd_;
  Limits limits_;
  std::vector<std::byte> buffer_;
  std::size_t peeked_ = 0;  // bytes of buffer_ that were read to see the compression
  std::unique_ptr<archive, Free> reader_;
  std::optional<base::Error> error_;  // of read_blob(), carried past the library
  Sha256 hash_in_, hash_out_;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
  Compression compression_ = Compression::kNone;
  bool at_end_ = false;

  friend struct InflateCallbacks;
};

}  // namespace recap::image
