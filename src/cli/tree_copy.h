// SPDX-License-Identifier: Apache-2.0
// Copies regular files and directories between two trees, one of which may be hostile: every step
// is from a directory's descriptor to one name in it, no link is ever followed or made, nothing
// that could block is opened, no file system of the kernel is entered, and there is a bound on
// bytes, names and depth.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/result.h"

namespace recap::cli {

struct CopyLimits {
  std::uint64_t bytes = std::uint64_t{4} << 30;
  std::size_t entries = 1'000'000;
  std::size_t depth = 128;
};

struct Owner {
  uid_t uid;
  gid_t gid;
};

// kDenied for what is on a file system of the kernel: there a run's links lead to what the operator
// may read or write and the function may not (/proc/1/environ of the target, /proc/sys).
base::Status refuse_kernel_files(int fd);

class TreeCopy {
 public:
  // `owner`: whom copies belong to; nothing: whoever copies.
  TreeCopy(CopyLimits limits, std::optional<Owner> owner) : left_(limits), owner_(owner) {}

  // The open regular file or directory `from` becomes `name` in the directory `to_dir`. A file that
  // is there is overwritten, a directory is added to.
  base::Status copy(int from, int to_dir, const char* name);

  // What is in the directory `from` is copied into the directory `to`.
  base::Status copy_contents(int from, int to, std::size_t depth = 0);

  // All bytes of the pipe or file `from` become the file `name` in `to_dir`.
  base::Status copy_stream(int from, int to_dir, const char* name) {
    return copy_file(from, 0644, to_dir, name);
  }

  // All bytes of `from`, up to the limit.
  base::Status copy_bytes(int from, int to);

  // Links, devices, sockets, pipes and files of the kernel that were not copied.
  [[nodiscard]] std::size_t left_out() const { return left_out_; }

 private:
  base::Status copy_file(int from, unsigned mode, int to_dir, const char* name);
  base::Status copy_directory(int from, unsigned mode, int to_dir, const char* name,
                              std::size_t depth);
  base::Status copy_entry(int from_dir, int to_dir, const char* name, std::size_t depth);
  base::Status give_away(int file) const;

  CopyLimits left_;
  std::optional<Owner> owner_;
  std::size_t left_out_ = 0;
};

}  // namespace recap::cli
