// SPDX-License-Identifier: Apache-2.0
// Archives are taken apart into numbered files of our workspace: the names inside them are keys of
// a map and never become paths.
#include <fcntl.h>

#include "image/files.h"
#include "image/inflate.h"
#include "image/layer_path.h"
#include "image/printable.h"
#include "image/source.h"
#include "image/tar_reader.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

constexpr int kMaxLinks = 8;
constexpr std::uint64_t kMaxFiles = 20'000;

// Where a link in `from` leads, by name: "../x/layer.tar" in "y/layer.tar" is "x/layer.tar".
std::string follow(const std::string& from, std::string_view target) {
  const std::size_t slash = from.rfind('/');
  std::string at = slash == std::string::npos ? "" : from.substr(0, slash);
  while (!target.empty()) {
    const std::size_t end = target.find('/');
    const std::string_view part = target.substr(0, end);
    target = end == std::string_view::npos ? "" : target.substr(end + 1);
    if (part == "..") {
      const std::size_t last = at.rfind('/');
      at = last == std::string::npos ? "" : at.substr(0, last);
    } else if (!part.empty() && part != ".") {
      at.append(at.empty() ? "" : "/").append(part);
    }
  }
  return at;
}

}  // namespace

Result<ArchiveSource::File> ArchiveSource::write_file(TarReader& tar, const TarEntry& entry) {
  File file;
  file.workspace_name = "file" + std::to_string(files_.size());
  file.size = entry.size;
  const UniqueFd fd =
      RECAP_TRY(linux::open_at(store_.workspace().get(), file.workspace_name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  Sha256 hash;
  std::uint64_t at = 0;
  while (true) {
    const TarReader::Piece piece = RECAP_TRY(tar.next_piece());
    if (piece.bytes.empty()) {
      break;
    }
    if (static_cast<std::uint64_t>(piece.offset) != at) {
      return failure(Kind::kCorrupt, "'", printable(entry.path), "' in the archive has holes");
    }
    hash.update(piece.bytes);
    RECAP_TRY(linux::write_all(fd.get(), piece.bytes));
    at += piece.bytes.size();
  }
  if (at != entry.size) {
    return failure(Kind::kCorrupt, "'", printable(entry.path), "' in the archive is cut off");
  }
  file.digest = hash.finish();
  return file;
}

Status ArchiveSource::add(TarReader& tar, const TarEntry& entry, const Limits& limits) {
  if (entry.type == EntryType::kDirectory) {
    return {};
  }
  const std::string name = RECAP_TRY(parse_layer_path(entry.path, limits)).whole();
  if (name.empty() || files_.contains(name) || links_.contains(name)) {
    return failure(Kind::kCorrupt, "the archive is ambiguous: it has '", printable(entry.path),
                   "' twice");
  }
  switch (entry.type) {
    case EntryType::kFile: {
      File file = RECAP_TRY(write_file(tar, entry));
      by_digest_[file.digest] = file.workspace_name;
      files_[name] = std::move(file);
      return {};
    }
    case EntryType::kSymlink:
      links_[name] = follow(name, entry.link);
      return {};
    case EntryType::kHardlink:
      links_[name] = RECAP_TRY(parse_layer_path(entry.link, limits)).whole();
      return {};
    default:
      return failure(Kind::kCorrupt, "the archive has '", printable(entry.path),
                     "', which is neither a file nor a link");
  }
}

Result<std::unique_ptr<ArchiveSource>> ArchiveSource::extract(const Store& store, int fd,
                                                              const Limits& limits) {
  std::unique_ptr<ArchiveSource> out(new ArchiveSource(store));
  Limits outer = limits;
  outer.max_entries = std::min(limits.max_entries, kMaxFiles);
  Inflate stream(fd, outer);
  TarReader tar(stream, outer);
  while (true) {
    const auto entry = RECAP_TRY(tar.next());
    if (!entry) {
      return out;
    }
    RECAP_TRY(out->add(tar, *entry, outer));
  }
}

const ArchiveSource::File* ArchiveSource::find(const std::string& name) const {
  std::string at = name;
  for (int i = 0; i < kMaxLinks; ++i) {
    if (const auto file = files_.find(at); file != files_.end()) {
      return &file->second;
    }
    const auto link = links_.find(at);
    if (link == links_.end()) {
      return nullptr;
    }
    at = link->second;
  }
  return nullptr;
}

Result<UniqueFd> ArchiveSource::open(const std::string& name) {
  const File* file = find(name);
  if (file == nullptr) {
    return failure(Kind::kNotFound, "there is no '", printable(name), "' in the archive");
  }
  return linux::open_at(store_.workspace().get(), file->workspace_name.c_str(), O_RDONLY);
}

Result<UniqueFd> ArchiveSource::open_blob(const Digest& digest) {
  const auto at = by_digest_.find(digest);
  if (at == by_digest_.end()) {
    return failure(Kind::kNotFound, "there is no blob ", digest.text(), " in the archive");
  }
  return linux::open_at(store_.workspace().get(), at->second.c_str(), O_RDONLY);
}

Result<bool> ArchiveSource::move_blob(Store& store, const Digest& digest) {
  const auto at = by_digest_.find(digest);
  if (at == by_digest_.end()) {
    return false;
  }
  RECAP_TRY(store.adopt_blob(at->second, digest));
  by_digest_.erase(at);
  return true;
}

}  // namespace recap::image
