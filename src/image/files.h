// SPDX-License-Identifier: Apache-2.0
// What unpacking and keeping need of files beyond linux/fs.h: metadata by descriptor, durable
// writes, trees. Nothing here follows a symlink.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::image {

// Metadata of an open file; the first and the last also take an O_PATH descriptor.
base::Status set_owner(int fd, std::uint32_t uid, std::uint32_t gid);
base::Status set_mode(int fd, unsigned mode);
base::Status set_times(int fd, const timespec& when);

base::Status write_at(int fd, std::span<const std::byte> data, std::int64_t offset);
base::Status link_fd(int fd, int dir, const char* name);
base::Status make_symlink(const char* target, int dir, const char* name);
base::Status rename_between(int from_dir, const char* from, int to_dir, const char* to);

base::Status sync_file(int fd);
base::Status sync_filesystem(int fd);  // everything of the filesystem that `fd` is on

// lstat; nothing when there is no such entry.
base::Result<std::optional<struct stat>> look_at(int dir, const char* name);
bool is_whiteout(const struct stat& st);  // overlayfs: a character device 0:0

// Removes `name` and all below it; a missing one is success.
base::Status remove_tree(int dir, const char* name);

// Creates the directory unless it is there already.
base::Status ensure_dir(int dir, const char* name, unsigned mode);

// `name` has the old content or the whole new one, also after a crash. The new one is written in
// `staging`, a directory of ours on the same filesystem.
base::Status replace_file(int staging, int dir, const std::string& name,
                          std::span<const std::byte> content);

// The whole file; kInvalid, naming `what`, when it is larger than `most`.
base::Result<std::string> read_bounded(int fd, std::size_t most, std::string_view what);

// A file of ours to write; what it had is gone.
base::Result<linux::UniqueFd> create_file(int dir, const char* name);

// Holds the lock file `name` as long as the descriptor lives; waits for it.
base::Result<linux::UniqueFd> lock_file(int dir, const std::string& name);

}  // namespace recap::image
