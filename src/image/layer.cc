// SPDX-License-Identifier: Apache-2.0
#include "image/layer.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

#include "image/files.h"
#include "image/printable.h"
#include "image/tar_reader.h"
#include "linux/error.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

constexpr std::size_t kMaxSymlinkTarget = 4095;

class Unpacker {
 public:
  Unpacker(TarReader& tar, LayerTree& tree, const Limits& limits)
      : tar_(tar), tree_(tree), limits_(limits) {}

  Status put(const TarEntry& entry);
  [[nodiscard]] const LayerCounts& counts() const { return counts_; }

 private:
  Status put_root(const TarEntry& entry);
  Status put_file(const TarEntry& entry, const LayerPath& path);
  Status put_directory(const TarEntry& entry, const LayerPath& path);
  Status put_symlink(const TarEntry& entry, const LayerPath& path);
  Status put_data(const TarEntry& entry, int fd);
  Status put_metadata(const TarEntry& entry, int fd, unsigned allowed_mode);
  Status put_xattrs(const TarEntry& entry, int fd);

  TarReader& tar_;
  LayerTree& tree_;
  const Limits& limits_;
  LayerCounts counts_;
};

bool is_kept(std::string_view xattr) {
  return xattr.starts_with("user.") && !xattr.starts_with("user.overlay.");
}

Status Unpacker::put_xattrs(const TarEntry& entry, int fd) {
  counts_.attributes += entry.has_acl ? 1 : 0;
  for (const auto& [name, value] : entry.xattrs) {
    if (name == "security.capability") {
      ++counts_.file_capabilities;
      continue;
    }
    if (is_kept(name)) {
      if (fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) {
        continue;
      }
      // A filesystem without user attributes loses them; that is no reason to refuse the image.
      if (errno != EOPNOTSUPP && errno != E2BIG && errno != ERANGE) {
        return linux::failed("set an attribute of", printable(entry.path), errno);
      }
    }
    ++counts_.attributes;
  }
  return {};
}

// Owner before mode: chown(2) takes setuid bits away, so that no wrong moment exists. Times last.
Status Unpacker::put_metadata(const TarEntry& entry, int fd, unsigned allowed_mode) {
  RECAP_TRY(set_owner(fd, entry.uid, entry.gid));
  RECAP_TRY(set_mode(fd, entry.mode & allowed_mode));
  RECAP_TRY(put_xattrs(entry, fd));
  return set_times(fd, entry.modified);
}

Status Unpacker::put_data(const TarEntry& entry, int fd) {
  counts_.bytes += entry.size;
  if (counts_.bytes > limits_.max_bytes) {
    return failure(Kind::kInvalid, "the layer's files have more than ", limits_.max_bytes >> 20U,
                   " MiB; it was refused (the layers of an image count together)");
  }
  std::uint64_t end = 0;
  while (true) {
    const TarReader::Piece piece = RECAP_TRY(tar_.next_piece());
    if (piece.bytes.empty()) {
      break;
    }
    end = static_cast<std::uint64_t>(piece.offset) + piece.bytes.size();
    if (piece.offset < 0 || end > entry.size) {
      return failure(Kind::kCorrupt, "'", printable(entry.path), "' has more data than it says");
    }
    RECAP_TRY(write_at(fd, piece.bytes, piece.offset));
  }
  if (end < entry.size) {  // a hole at the end of a sparse file
    RECAP_TRY(linux::resize(fd, entry.size));
  }
  return {};
}

Status Unpacker::put_file(const TarEntry& entry, const LayerPath& path) {
  const UniqueFd fd = RECAP_TRY(tree_.create_file(path));
  RECAP_TRY(put_data(entry, fd.get()));
  counts_.setid_bits += (entry.mode & (S_ISUID | S_ISGID)) != 0 ? 1 : 0;
  return put_metadata(entry, fd.get(), 01777);
}

Status Unpacker::put_directory(const TarEntry& entry, const LayerPath& path) {
  const UniqueFd fd = RECAP_TRY(tree_.create_directory(path));
  RECAP_TRY(tree_.remember_times(path, entry.modified, limits_.max_directory_bytes));
  // On a directory setgid gives no rights, it says to whom new files belong.
  return put_metadata(entry, fd.get(), 03777);
}

Status Unpacker::put_symlink(const TarEntry& entry, const LayerPath& path) {
  if (entry.link.empty() || entry.link.size() > kMaxSymlinkTarget) {
    return failure(Kind::kCorrupt, "the symlink '", printable(entry.path), "' leads nowhere");
  }
  const UniqueFd fd = RECAP_TRY(tree_.create_symlink(path, entry.link));
  RECAP_TRY(set_owner(fd.get(), entry.uid, entry.gid));
  counts_.attributes += entry.xattrs.size();
  return set_times(fd.get(), entry.modified);
}

Status Unpacker::put_root(const TarEntry& entry) {
  if (entry.type != EntryType::kDirectory) {
    return Error(Kind::kCorrupt, "the layer's root is no directory; it was refused");
  }
  RECAP_TRY(tree_.remember_times(LayerPath{}, entry.modified, limits_.max_directory_bytes));
  return put_metadata(entry, tree_.root().get(), 01777);
}

Status Unpacker::put(const TarEntry& entry) {
  ++counts_.entries;
  const LayerPath path = RECAP_TRY(parse_layer_path(entry.path, limits_));
  if (path.is_root()) {
    return put_root(entry);
  }
  const Marked marked = RECAP_TRY(parse_mark(path));
  switch (marked.mark) {
    case Mark::kWhiteout:
      return tree_.whiteout(path.parent, marked.target);
    case Mark::kOpaque:
      return tree_.make_opaque(path.parent);
    case Mark::kLeftover:
      return {};
    case Mark::kNone:
      break;
  }
  switch (entry.type) {
    case EntryType::kFile:
      return put_file(entry, path);
    case EntryType::kDirectory:
      return put_directory(entry, path);
    case EntryType::kSymlink:
      return put_symlink(entry, path);
    case EntryType::kHardlink: {
      const LayerPath target = RECAP_TRY(parse_layer_path(entry.link, limits_));
      return tree_.create_hardlink(path, target);
    }
    case EntryType::kDevice:
    case EntryType::kOther:
      ++counts_.special_files;
      return {};
  }
  return {};
}

}  // namespace

Result<LayerCounts> unpack_layer(Inflate& stream, LayerTree& tree, const Limits& limits) {
  TarReader tar(stream, limits);
  Unpacker unpacker(tar, tree, limits);
  while (true) {
    const auto entry = RECAP_TRY(tar.next());
    if (!entry) {
      break;
    }
    RECAP_TRY(unpacker.put(*entry));
  }
  RECAP_TRY(stream.drain());
  RECAP_TRY(tree.apply_times());
  return unpacker.counts();
}

}  // namespace recap::image
