// SPDX-License-Identifier: Apache-2.0
// From errno to Error: the kernel's number keeps its name, and becomes one of our kinds.
#pragma once

#include <string_view>

#include "base/result.h"

namespace recap::linux {

// `action` and `object` read as "cannot ACTION OBJECT": `failed("open", path, ENOENT)`.
base::Error failed(std::string_view action, std::string_view object, int err);

// What a system call came to that gives nothing but its success: `ret` is -errno when it failed.
base::Status status_of(long ret, std::string_view action, std::string_view object = "");

}  // namespace recap::linux
