// SPDX-License-Identifier: Apache-2.0
// The end of a file system, and what it takes until then. That its last mount went away is not its
// end: whoever has a descriptor of a file in it keeps it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

// Of the file system of `fd`, which may be O_PATH.
Result<std::uint64_t> used_bytes(int fd);
Result<std::uint64_t> file_system_number(int fd);  // as ustat(2) takes it

// inotify(7) tells the end of a file system (IN_UNMOUNT) to those who watch a file in it, and does
// not keep it (fs/notify/fsnotify.c, fsnotify_sb_delete()). There are few instances for each user
// (fs.inotify.max_user_instances, 128): without one, the file systems' numbers are asked for, which
// a new file system may have got by then.
class UnmountWatch {
 public:
  // Watches the file system of `fd`, by the file that it refers to. At most 4.
  Status add(int fd);
  // One that nothing of ours refers to any more. Its number is all there is to ask for, so that
  // await() says kUnknown when it is taken.
  Status add_number(std::uint64_t device);

  enum class State : std::uint8_t { kGone, kHeld, kUnknown };
  // Waits up to `timeout_ms` for all of them.
  State await(std::int64_t timeout_ms);

 private:
  static constexpr std::uint32_t kMost = 4;
  UniqueFd events_;
  std::uint32_t count_ = 0;
  std::uint64_t devices_[kMost] = {};  // as ustat(2) takes them
};

}  // namespace recap::linux
