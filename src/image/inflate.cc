// SPDX-License-Identifier: Apache-2.0
#include "image/inflate.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>

#include "image/printable.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

struct Magic {
  Compression compression;
  int filter;
  std::array<unsigned char, 6> bytes;
  std::size_t length;
};

constexpr std::array<Magic, 4> kMagics = {{
    {Compression::kGzip, ARCHIVE_FILTER_GZIP, {0x1f, 0x8b}, 2},
    {Compression::kZstd, ARCHIVE_FILTER_ZSTD, {0x28, 0xb5, 0x2f, 0xfd}, 4},
    {Compression::kXz, ARCHIVE_FILTER_XZ, {0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00}, 6},
    {Compression::kBzip2, ARCHIVE_FILTER_BZIP2, {0x42, 0x5a, 0x68}, 3},
}};

const Magic* magic_of(std::span<const std::byte> first_bytes) {
  for (const Magic& magic : kMagics) {
    const auto same = [](std::byte a, unsigned char b) { return std::to_integer<int>(a) == b; };
    if (first_bytes.size() >= magic.length &&
        std::equal(first_bytes.begin(), first_bytes.begin() + static_cast<long>(magic.length),
                   magic.bytes.begin(), same)) {
      return &magic;
    }
  }
  return nullptr;
}

}  // namespace

struct InflateCallbacks {
  static la_ssize_t read(archive* reader, void* self, const void** data) {
    auto* inflate = static_cast<Inflate*>(self);
    const auto bytes = inflate->read_blob();
    if (!bytes) {
      inflate->error_ = bytes.error();
      archive_set_error(reader, EIO, "the blob cannot be read");
      return -1;
    }
    *data = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }
};

void Inflate::Free::operator()(archive* reader) const { archive_read_free(reader); }

Compression compression_of(std::span<const std::byte> first_bytes) {
  const Magic* magic = magic_of(first_bytes);
  return magic == nullptr ? Compression::kNone : magic->compression;
}

Inflate::Inflate(int fd, const Limits& limits) : fd_(fd), limits_(limits), buffer_(kBufferBytes) {}
Inflate::~Inflate() = default;

Result<std::span<const std::byte>> Inflate::read_blob() {
  std::size_t n = std::exchange(peeked_, 0);
  if (n == 0) {
    n = RECAP_TRY(linux::read_some(fd_, buffer_));
  }
  const std::span<const std::byte> bytes(buffer_.data(), n);
  hash_in_.update(bytes);
  bytes_in_ += n;
  return bytes;
}

Status Inflate::start() {
  peeked_ = RECAP_TRY(linux::read_all(fd_, buffer_));
  const Magic* magic = magic_of(std::span(buffer_.data(), peeked_));
  if (magic == nullptr) {
    return {};
  }
  compression_ = magic->compression;
  reader_.reset(archive_read_new());
  archive* reader = reader_.get();
  if (reader == nullptr) {
    return Error(Kind::kExhausted, "out of memory");
  }
  archive_read_support_format_raw(reader);
  archive_read_support_format_empty(reader);
  archive_entry* entry = nullptr;
  if (archive_read_append_filter(reader, magic->filter) != ARCHIVE_OK ||
      archive_read_open(reader, this, nullptr, InflateCallbacks::read, nullptr) != ARCHIVE_OK) {
    return error_ ? *error_ : Error(Kind::kCorrupt, "the compressed data is damaged");
  }
  const int header = archive_read_next_header(reader, &entry);
  if (header != ARCHIVE_OK && header != ARCHIVE_EOF) {
    return error_ ? *error_ : Error(Kind::kCorrupt, "the compressed data is damaged");
  }
  at_end_ = header == ARCHIVE_EOF;
  return {};
}

Status Inflate::check_growth() const {
  if (bytes_out_ > limits_.max_bytes) {
    return failure(Kind::kInvalid, "the archive holds more than ", limits_.max_bytes >> 20U,
                   " MiB; it was refused (the layers of an image count together)");
  }
  if (bytes_out_ > limits_.ratio_floor && bytes_out_ / limits_.max_ratio > bytes_in_) {
    return failure(Kind::kInvalid, "the archive grows more than ", limits_.max_ratio,
                   " times when it is unpacked; it was refused as a decompression bomb");
  }
  return {};
}

Result<std::span<const std::byte>> Inflate::next() {
  if (bytes_in_ == 0 && !reader_ && !at_end_) {
    RECAP_TRY(start());
  }
  std::span<const std::byte> bytes;
  if (at_end_) {
    return bytes;
  }
  if (!reader_) {
    bytes = RECAP_TRY(read_blob());
  } else {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int ret = archive_read_data_block(reader_.get(), &data, &size, &offset);
    if (ret != ARCHIVE_OK && ret != ARCHIVE_EOF) {
      return error_ ? *error_ : Error(Kind::kCorrupt, "the compressed data is damaged");
    }
    if (ret == ARCHIVE_OK) {
      bytes = {static_cast<const std::byte*>(data), size};
    }
  }
  at_end_ = bytes.empty();
  hash_out_.update(bytes);
  bytes_out_ += bytes.size();
  RECAP_TRY(check_growth());
  return bytes;
}

Status Inflate::drain() {
  while (!RECAP_TRY(next()).empty()) {
  }
  if (reader_) {
    while (!RECAP_TRY(read_blob()).empty()) {  // bytes behind the compressed stream
    }
  }
  return {};
}

}  // namespace recap::image
