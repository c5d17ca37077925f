// SPDX-License-Identifier: Apache-2.0
// Reading what runtimes and the kernel leave in files. State is only believed when it cannot have
// been written by anybody but root (or, in tests, by the user who runs them).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::targets {

// A configured directory; symbolic links in its path are the administrator's and followed.
base::Result<linux::DirFd> open_root(const std::string& path);

// A directory below `dir`; no symbolic link is followed.
base::Result<linux::DirFd> open_below(const linux::DirFd& dir, const std::string& path);

// A regular file below `dir`, of root's and nobody else's to write, at most kMaxJsonBytes long.
// kNotFound when it is not there, kDenied when others could have written it.
base::Result<std::string> read_state(const linux::DirFd& dir, const std::string& path);

// A file of procfs or cgroupfs, which have no size; at most 1 MiB.
base::Result<std::string> read_kernel_file(const linux::DirFd& dir, const std::string& path);

// Names of the entries of `dir` that are directories (or of a type the filesystem does not tell),
// sorted; at most 65536.
base::Result<std::vector<std::string>> directories_in(const linux::DirFd& dir);

bool is_trusted_uid(std::uint32_t uid);  // root, or the user who runs this process

}  // namespace recap::targets
