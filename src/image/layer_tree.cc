// SPDX-License-Identifier: Apache-2.0
#include "image/layer_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "image/files.h"
#include "image/printable.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr int kOpenNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
constexpr unsigned kDirectoryMode = 0755;  // of those that the archive does not list
constexpr std::size_t kBytesPerTime = 96;  // beside its name: the map's node, the string, the time
constexpr const char* kOpaqueXattr = "trusted.overlay.opaque";

Status mark_opaque(int dir) {
  return linux::set_xattr(dir, kOpaqueXattr, "y")
      .context("the store's filesystem cannot hold whiteouts; use a store on ext4, xfs or btrfs");
}

}  // namespace

// An entry that replaces a directory of the same layer takes the whole directory away.
Status LayerTree::clear_way(int dir, const std::string& name) {
  const auto st = RECAP_TRY(look_at(dir, name.c_str()));
  if (!st) {
    return {};
  }
  if (!S_ISDIR(st->st_mode)) {
    return linux::unlink_at(dir, name.c_str());
  }
  RECAP_TRY(remove_tree(dir, name.c_str()));
  if (dir == root_.get()) {  // else the cached directory is `dir` itself, which stays
    cached_.reset();
    cached_path_.clear();
  }
  return {};
}

// A new directory where a whiteout or another file of this layer was: the lower directory of that
// name must not come back, so the new one is opaque.
Result<UniqueFd> LayerTree::make_directory(int dir, const std::string& name) {
  const auto st = RECAP_TRY(look_at(dir, name.c_str()));
  if (st && !S_ISDIR(st->st_mode)) {
    RECAP_TRY(linux::unlink_at(dir, name.c_str()));
  }
  if (!st || !S_ISDIR(st->st_mode)) {
    RECAP_TRY(linux::make_dir_at(dir, name.c_str(), kDirectoryMode));
  }
  UniqueFd made = RECAP_TRY(linux::open_beneath(dir, name.c_str(), kOpenDirectory));
  if (!st || !S_ISDIR(st->st_mode)) {
    RECAP_TRY(set_mode(made.get(), kDirectoryMode));  // whatever the umask
  }
  if (st && !S_ISDIR(st->st_mode)) {
    RECAP_TRY(mark_opaque(made.get()));
  }
  return made;
}

Result<UniqueFd> LayerTree::enter(int dir, const std::string& name, const std::string& whole) {
  const auto st = RECAP_TRY(look_at(dir, name.c_str()));
  if (st && !S_ISDIR(st->st_mode) && !is_whiteout(*st)) {
    return failure(Kind::kCorrupt, "the layer has '", printable(whole), "', but '", printable(name),
                   "' in it is no directory; it was refused");
  }
  return make_directory(dir, name);
}

Result<UniqueFd> LayerTree::open_or_make(const std::string& path) {
  UniqueFd at = RECAP_TRY(linux::duplicate(root_.get()));
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    at = RECAP_TRY(enter(at.get(), path.substr(begin, end - begin), path));
    begin = end + 1;
  }
  return at;
}

Result<int> LayerTree::directory(const std::string& path) {
  if (path.empty()) {
    return root_.get();
  }
  if (cached_.valid() && path == cached_path_) {
    return cached_.get();
  }
  auto fd = linux::open_beneath(root_.get(), path.c_str(), kOpenDirectory);
  if (!fd) {
    fd = open_or_make(path);
  }
  if (!fd) {
    return fd.error();
  }
  cached_ = std::move(*fd);
  cached_path_ = path;
  return cached_.get();
}

Result<UniqueFd> LayerTree::create_file(const LayerPath& path) {
  const int dir = RECAP_TRY(directory(path.parent));
  auto made = linux::open_at(dir, path.name.c_str(), kOpenNew, 0600);
  if (made || made.error().kind() != Kind::kExists) {
    return made;
  }
  RECAP_TRY(clear_way(dir, path.name));
  return linux::open_at(RECAP_TRY(directory(path.parent)), path.name.c_str(), kOpenNew, 0600);
}

Result<UniqueFd> LayerTree::create_directory(const LayerPath& path) {
  return make_directory(RECAP_TRY(directory(path.parent)), path.name);
}

Result<UniqueFd> LayerTree::create_symlink(const LayerPath& path, const std::string& target) {
  const int dir = RECAP_TRY(directory(path.parent));
  RECAP_TRY(clear_way(dir, path.name));
  RECAP_TRY(make_symlink(target.c_str(), dir, path.name.c_str()));
  return linux::open_at(dir, path.name.c_str(), O_PATH | O_NOFOLLOW);
}

Status LayerTree::create_hardlink(const LayerPath& path, const LayerPath& target) {
  const std::string name = target.whole();
  // O_PATH|O_NOFOLLOW: a symlink at the end is taken itself, as link(2) would; one before is
  // refused.
  const auto from = linux::open_beneath(root_.get(), name.c_str(), O_PATH | O_NOFOLLOW);
  if (!from) {
    return failure(Kind::kCorrupt, "the layer has a hard link '", printable(path.whole()), "' to '",
                   printable(name), "', which is no file of this layer; it was refused");
  }
  const struct statx st = RECAP_TRY(linux::stat_at(from->get(), "", AT_EMPTY_PATH));
  if (!S_ISREG(st.stx_mode) && !S_ISLNK(st.stx_mode)) {
    return failure(Kind::kCorrupt, "the layer has a hard link '", printable(path.whole()), "' to '",
                   printable(name), "', which is no regular file; it was refused");
  }
  const int dir = RECAP_TRY(directory(path.parent));
  if (path.whole() == name) {
    return {};
  }
  RECAP_TRY(clear_way(dir, path.name));
  return link_fd(from->get(), dir, path.name.c_str());
}

Status LayerTree::whiteout(const std::string& parent, const std::string& name) {
  const int dir = RECAP_TRY(directory(parent));
  const auto st = RECAP_TRY(look_at(dir, name.c_str()));
  if (!st) {
    return linux::make_device_at(dir, name.c_str(), 0, 0, 0)
        .context("the store's filesystem cannot hold whiteouts; use a store on ext4, xfs or btrfs");
  }
  if (S_ISDIR(st->st_mode)) {
    const UniqueFd inside = RECAP_TRY(linux::open_beneath(dir, name.c_str(), kOpenDirectory));
    return mark_opaque(inside.get());
  }
  return {};
}

Status LayerTree::make_opaque(const std::string& path) {
  const int dir = RECAP_TRY(directory(path));
  if (path.empty()) {
    root_is_opaque_ = true;
    return {};
  }
  return mark_opaque(dir);
}

Status LayerTree::remember_times(const LayerPath& directory, const timespec& modified,
                                 std::uint64_t max_bytes) {
  std::string name = directory.is_root() ? "." : directory.whole();
  const std::size_t size = name.size() + kBytesPerTime;
  const auto [_, is_new] = times_.insert_or_assign(std::move(name), modified);
  times_bytes_ += is_new ? size : 0;
  if (times_bytes_ > max_bytes) {
    return failure(
        Kind::kInvalid,
        "what is to be kept of the layer's directories while it is unpacked takes more than ",
        max_bytes >> 10U, " KiB; it was refused: has it really that many?");
  }
  return {};
}

Status LayerTree::apply_times() {
  for (const auto& [path, modified] : times_) {
    const auto fd = linux::open_beneath(root_.get(), path.c_str(), kOpenDirectory);
    if (!fd) {
      continue;  // a later entry took its place
    }
    RECAP_TRY(set_times(fd->get(), modified));
  }
  return {};
}

}  // namespace recap::image
