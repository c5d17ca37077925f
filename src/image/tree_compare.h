// SPDX-License-Identifier: Apache-2.0
// Whether two directories hold the same: names, types, modes, owners, link counts, extended
// attributes, content, and when files were modified. Nothing is followed.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::image {

// "" when `found` is as `expected`, else the path of the first difference and what it is.
base::Result<std::string> first_difference(const linux::DirFd& found, const linux::DirFd& expected);

}  // namespace recap::image
