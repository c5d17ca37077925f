// SPDX-License-Identifier: Apache-2.0
#include "image/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "image/printable.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

// The largest id that is no "unset" marker of the kernel.
constexpr la_int64_t kMaxId = 0xfffffffeLL;

std::string_view view_of(const char* text) { return text == nullptr ? "" : text; }

EntryType type_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) {
    return EntryType::kHardlink;
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return EntryType::kFile;
    case AE_IFDIR:
      return EntryType::kDirectory;
    case AE_IFLNK:
      return EntryType::kSymlink;
    case AE_IFCHR:
    case AE_IFBLK:
      return EntryType::kDevice;
    default:
      return EntryType::kOther;
  }
}

Status read_xattrs(archive_entry* entry, const Limits& limits, TarEntry& out) {
  if (static_cast<std::size_t>(archive_entry_xattr_reset(entry)) > limits.max_xattrs) {
    return failure(Kind::kInvalid, "'", printable(out.path), "' has more than ", limits.max_xattrs,
                   " extended attributes; the layer was refused");
  }
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  std::size_t total = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    total += size;
    if (total > limits.max_xattr_bytes) {
      return failure(Kind::kInvalid, "'", printable(out.path), "' has more than ",
                     limits.max_xattr_bytes,
                     " bytes of extended attributes; the layer was refused");
    }
    out.xattrs.emplace_back(view_of(name), std::string(static_cast<const char*>(value), size));
  }
  return {};
}

}  // namespace

struct TarCallbacks {
  static la_ssize_t read(archive* reader, void* self, const void** data) {
    auto* tar = static_cast<TarReader*>(self);
    const auto bytes = tar->stream_.next();
    if (!bytes) {
      tar->error_ = bytes.error();
      archive_set_error(reader, EIO, "the stream ended");
      return -1;
    }
    *data = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }
};

void TarReader::Free::operator()(archive* reader) const { archive_read_free(reader); }

TarReader::TarReader(Inflate& stream, const Limits& limits)
    : stream_(stream), limits_(limits), reader_(archive_read_new()) {}
TarReader::~TarReader() = default;

Error TarReader::library_error() {
  if (error_) {
    return *error_;
  }
  if (entries_ == 0 && archive_errno(reader_.get()) == EILSEQ) {
    return Error(Kind::kCorrupt, "it is no tar archive, or a damaged one");
  }
  return failure(Kind::kCorrupt, "the archive is damaged: ",
                 printable(view_of(archive_error_string(reader_.get())), 100));
}

Result<std::optional<TarEntry>> TarReader::next() {
  if (reader_ == nullptr) {
    return Error(Kind::kExhausted, "out of memory");
  }
  if (!open_) {
    archive_read_support_format_tar(reader_.get());
    archive_read_support_format_empty(reader_.get());
    if (archive_read_open(reader_.get(), this, nullptr, TarCallbacks::read, nullptr) !=
        ARCHIVE_OK) {
      return library_error();
    }
    open_ = true;
  }
  archive_entry* entry = nullptr;
  const int ret = archive_read_next_header(reader_.get(), &entry);
  if (ret == ARCHIVE_EOF) {
    return std::optional<TarEntry>();
  }
  // In the C locale the library warns of every name that is not ASCII and keeps its bytes, which is
  // what is wanted. Any other warning means that it read something in a way of its own.
  const std::string_view warning = view_of(archive_error_string(reader_.get()));
  const bool only_locale = warning.find("can't be converted from") != std::string_view::npos;
  if (ret != ARCHIVE_OK && !(ret == ARCHIVE_WARN && only_locale)) {
    return library_error();
  }
  if (++entries_ > limits_.max_entries) {
    return failure(Kind::kInvalid, "the archive has more than ", limits_.max_entries,
                   " entries; it was refused (the layers of an image count together)");
  }
  return std::optional(RECAP_TRY(convert(entry)));
}

Result<TarEntry> TarReader::convert(archive_entry* entry) const {
  TarEntry out;
  out.type = type_of(entry);
  out.path = view_of(archive_entry_pathname(entry));
  out.link = out.type == EntryType::kHardlink  ? view_of(archive_entry_hardlink(entry))
             : out.type == EntryType::kSymlink ? view_of(archive_entry_symlink(entry))
                                               : "";
  const la_int64_t uid = archive_entry_uid(entry);
  const la_int64_t gid = archive_entry_gid(entry);
  if (uid < 0 || uid > kMaxId || gid < 0 || gid > kMaxId) {
    return failure(Kind::kCorrupt, "'", printable(out.path), "' belongs to an impossible user");
  }
  out.uid = static_cast<std::uint32_t>(uid);
  out.gid = static_cast<std::uint32_t>(gid);
  out.mode = archive_entry_perm(entry) & 07777U;
  const la_int64_t size = archive_entry_size(entry);
  if (size < 0 || static_cast<std::uint64_t>(size) > limits_.max_bytes) {
    return failure(Kind::kInvalid, "'", printable(out.path), "' is larger than ",
                   limits_.max_bytes >> 20U, " MiB; the archive was refused");
  }
  out.size = static_cast<std::uint64_t>(size);
  if (archive_entry_mtime_is_set(entry) != 0) {
    out.modified = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
  }
  out.has_acl = archive_entry_acl_types(entry) != 0;
  RECAP_TRY(read_xattrs(entry, limits_, out));
  return out;
}

Result<TarReader::Piece> TarReader::next_piece() {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int ret = archive_read_data_block(reader_.get(), &data, &size, &offset);
  if (ret == ARCHIVE_EOF) {
    return Piece{};
  }
  if (ret != ARCHIVE_OK) {
    return library_error();
  }
  return Piece{{static_cast<const std::byte*>(data), size}, offset};
}

}  // namespace recap::image
