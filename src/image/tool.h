// SPDX-License-Identifier: Apache-2.0
// Other programs that image work is given to: skopeo, and what builds images.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tool_child.h"

namespace recap::image {

// The path of a program by its name, from PATH; nothing when it is not installed.
std::optional<std::string> find_tool(std::string_view name);

// Starts the program at `path`; it ends when we do. The caller waits for the pid.
base::Result<pid_t> start_tool(const std::string& path, const std::vector<std::string>& arguments,
                               const ChildOutput& output);

int wait_for_tool(pid_t pid);  // its wait status

}  // namespace recap::image
