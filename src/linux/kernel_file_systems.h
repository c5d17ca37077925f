// SPDX-License-Identifier: Apache-2.0
// Which file systems are the kernel's interface (proc, sysfs, cgroup …), and not files. It is a
// closed set, each with its number in the kernel's source.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace recap::linux {

bool is_of_the_kernel(std::string_view type);  // as mountinfo names it
bool is_of_the_kernel(std::int64_t f_type);    // of statfs(2); not devtmpfs: it is a tmpfs there

// Whether what `fd` (O_PATH suffices) refers to is on one.
base::Result<bool> is_on_the_kernels(int fd);

}  // namespace recap::linux
