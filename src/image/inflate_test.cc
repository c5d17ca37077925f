// SPDX-License-Identifier: Apache-2.0
#include "image/inflate.h"

#include <archive.h>
#include <archive_entry.h>

#include <gtest/gtest.h>

#include "image/test_support.h"

namespace recap::image {
namespace {

using testing::digest_of;
using testing::file_with;

// `content` as `filter` compresses it, through the library's writer.
std::string compressed(const std::string& content, int filter) {
  std::string out(content.size() + (1 << 20), '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_raw(writer);
  archive_write_add_filter(writer, filter);
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

std::string some_text() {
  std::string out;
  for (int i = 0; i < 30'000; ++i) {
    out += std::to_string(i * 7919);
  }
  return out;
}

struct Read {
  std::string text;
  bool ok = false;
};

Read read_all(Inflate& stream) {
  Read out;
  while (true) {
    const auto bytes = stream.next();
    if (!bytes) {
      return out;
    }
    if (bytes->empty()) {
      out.ok = static_cast<bool>(stream.drain());
      return out;
    }
    out.text.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
}

TEST(Inflate, UndoesEachCompressionAndKnowsBothDigests) {
  const std::string text = some_text();
  for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD,
                           ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_BZIP2}) {
    const std::string blob = filter == ARCHIVE_FILTER_NONE ? text : compressed(text, filter);
    const auto fd = file_with(blob);
    Inflate stream(fd.get(), Limits{});
    const Read read = read_all(stream);
    EXPECT_TRUE(read.ok) << filter;
    EXPECT_EQ(read.text, text) << filter;
    EXPECT_EQ(stream.bytes_in(), blob.size());
    EXPECT_EQ(stream.digest_in(), digest_of(blob));
    EXPECT_EQ(stream.digest_out(), digest_of(text));
  }
}

TEST(Inflate, OneCompressionOnly) {
  const std::string inner = compressed(some_text(), ARCHIVE_FILTER_GZIP);
  const auto fd = file_with(compressed(inner, ARCHIVE_FILTER_GZIP));
  Inflate stream(fd.get(), Limits{});
  EXPECT_EQ(read_all(stream).text, inner);
}

TEST(Inflate, BombsAreStopped) {
  Limits limits;
  limits.ratio_floor = 1 << 20;
  const std::string zeros(16 << 20, '\0');
  for (const int filter : {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ}) {
    const auto fd = file_with(compressed(zeros, filter));
    Inflate stream(fd.get(), limits);
    EXPECT_FALSE(read_all(stream).ok) << filter;
    EXPECT_LT(stream.bytes_out(), zeros.size()) << filter;
  }
  limits = {};
  limits.max_bytes = 1 << 20;
  const auto fd = file_with(zeros);
  Inflate stream(fd.get(), limits);
  EXPECT_FALSE(read_all(stream).ok);
  EXPECT_LT(stream.bytes_out(), 2U << 20);
}

TEST(Inflate, DamageIsFound) {
  const std::string blob = compressed(some_text(), ARCHIVE_FILTER_GZIP);
  for (const std::size_t size : {blob.size() / 2, blob.size() - 9}) {
    const auto fd = file_with(blob.substr(0, size));
    Inflate stream(fd.get(), Limits{});
    EXPECT_FALSE(read_all(stream).ok) << size;
  }
  // Cut off in its first bytes it reads as nothing, which no digest of a layer agrees with.
  const auto fd = file_with(blob.substr(0, 12));
  Inflate stream(fd.get(), Limits{});
  EXPECT_EQ(read_all(stream).text, "");
}

TEST(Inflate, BytesBehindTheStreamCountForTheBlobsDigest) {
  const std::string blob = compressed("text", ARCHIVE_FILTER_GZIP) + std::string(1 << 20, '\0');
  const auto fd = file_with(blob);
  Inflate stream(fd.get(), Limits{});
  EXPECT_EQ(read_all(stream).text, "text");
  EXPECT_EQ(stream.digest_in(), digest_of(blob));
}

TEST(Inflate, NothingIsNothing) {
  const auto fd = file_with("");
  Inflate stream(fd.get(), Limits{});
  const Read read = read_all(stream);
  EXPECT_TRUE(read.ok);
  EXPECT_EQ(stream.digest_out(), digest_of(""));
}

}  // namespace
}  // namespace recap::image
