// SPDX-License-Identifier: Apache-2.0
// One layer's directory while it is being filled. Every path is resolved from its root with
// openat2(2), beneath it and through no symlink, and metadata is set on descriptors.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <string>

#include "base/result.h"
#include "image/layer_path.h"
#include "linux/unique_fd.h"

namespace recap::image {

class LayerTree {
 public:
  explicit LayerTree(linux::DirFd root) : root_(std::move(root)) {}

  // Each puts an entry where `path` says, in place of what an earlier entry of this layer put
  // there.
  base::Result<linux::UniqueFd> create_file(const LayerPath& path);
  base::Result<linux::UniqueFd> create_directory(const LayerPath& path);
  base::Result<linux::UniqueFd> create_symlink(const LayerPath& path, const std::string& target);
  // kCorrupt unless `target` is a file or a symlink of this layer.
  base::Status create_hardlink(const LayerPath& path, const LayerPath& target);

  // Hides lower layers' `name` in `parent`; what this very layer puts there stays.
  base::Status whiteout(const std::string& parent, const std::string& name);
  // Hides all that lower layers have in `directory`.
  base::Status make_opaque(const std::string& directory);

  // Directories change their times while they are filled, so theirs are set at the end.
  // kInvalid when what is kept of them takes more than `max_bytes` of memory.
  base::Status remember_times(const LayerPath& directory, const timespec& modified,
                              std::uint64_t max_bytes);
  base::Status apply_times();

  [[nodiscard]] const linux::DirFd& root() const { return root_; }
  // The layer's own root hides everything below: an overlay does not know that of a layer's root.
  [[nodiscard]] bool root_is_opaque() const { return root_is_opaque_; }

 private:
  base::Result<int> directory(const std::string& path);
  base::Result<linux::UniqueFd> open_or_make(const std::string& path);
  base::Result<linux::UniqueFd> enter(int dir, const std::string& name, const std::string& whole);
  base::Result<linux::UniqueFd> make_directory(int dir, const std::string& name);
  base::Status clear_way(int dir, const std::string& name);

  linux::DirFd root_;
  linux::UniqueFd cached_;  // the directory that the last entry was put into
  std::string cached_path_;
  std::map<std::string, timespec> times_;  // of directories, by their whole names
  std::uint64_t times_bytes_ = 0;
  bool root_is_opaque_ = false;
};

}  // namespace recap::image
