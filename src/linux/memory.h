// SPDX-License-Identifier: Apache-2.0
// Memory and files that are only memory: mmap(2), memfd_create(2). No call locks.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

Result<UniqueFd> make_memfd(const char* name, bool executable);
Status seal_memfd(int fd);  // nothing can change it any more, not even its seals

// Maps `size` bytes of `fd` read-only and private; lives until the process ends.
Result<std::span<const std::byte>> map_file(int fd, std::size_t size);
// Anonymous zeroed memory; lives until the process ends.
Result<std::span<std::byte>> map_memory(std::size_t size);
Result<std::span<std::byte>> map_shared_memory(std::size_t size);  // also with forked children

}  // namespace recap::linux
