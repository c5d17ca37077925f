// SPDX-License-Identifier: Apache-2.0
// Tries something in a process of its own, so that whatever it leaves behind ends with it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace recap::cli {

// What `attempt` returned, run in a child with `new_namespaces` of its own. kInternal when the
// child ended without an answer.
base::Result<std::string> ask_child(const std::function<base::Result<std::string>()>& attempt,
                                    std::uint64_t new_namespaces = 0);
base::Status try_in_child(const std::function<base::Status()>& attempt,
                          std::uint64_t new_namespaces = 0);

}  // namespace recap::cli
