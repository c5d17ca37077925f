// SPDX-License-Identifier: Apache-2.0
// The new mount API (Linux 5.2), by descriptors only: a mount is built detached, gets its
// attributes while nobody can see it, and is attached last. Nothing is ever mounted by path.
// No call allocates or locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

// MOUNT_ATTR_… of mount_setattr(2), so that users need no kernel header.
struct MountAttr {
  static constexpr std::uint64_t kReadOnly = 0x1;
  static constexpr std::uint64_t kNoSuid = 0x2;
  static constexpr std::uint64_t kNoDev = 0x4;
  static constexpr std::uint64_t kNoExec = 0x8;
  static constexpr std::uint64_t kNoSymFollow = 0x200000;  // 5.14
  static constexpr std::uint64_t kIdMap = 0x100000;        // 5.12
};

// A file system that is being configured. `create()` ends it.
class FsContext {
 public:
  static Result<FsContext> open(const char* type);
  Status set(const char* key, const char* value);  // < 256 bytes (fsconfig(2))
  Status set_fd(const char* key, int fd);          // overlay: since 6.13
  Result<Mount> create(std::uint64_t attributes);

 private:
  explicit FsContext(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// A detached copy of the mount at `fd` (recursive: with everything mounted below it).
Result<Mount> clone_tree(int fd, bool recursive);

// Attributes of a whole detached tree. With a user namespace, ids are mapped through it
// (MOUNT_ATTR_IDMAP; the file system must allow it: EINVAL otherwise).
Status set_attributes(int mount, std::uint64_t attributes, bool recursive);
Status map_ids(int mount, int user_ns);

// Attaches a detached mount onto the open file or directory `onto`.
Status attach(int mount, int onto);

// Of the calling process' own mount namespace:
Status make_everything_private();
// Detaches the mount that the working directory is the root of.
Status detach_working_dir();
// Detaches the mount whose root is open as `fd` (O_PATH), a directory's or a file's. Goes through
// self/fd of `proc`, a procfs that we trust, and leaves the working directory at "/".
Status detach_open(int proc, int fd);
// Makes `root`, attached here, the root of the namespace and drops all that was there before.
Status enter_root(int root);

}  // namespace recap::linux
