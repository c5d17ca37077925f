// SPDX-License-Identifier: Apache-2.0
// Runtimes whose containers are no processes of this kernel: gVisor and Kata. RECap cannot enter
// them, and says so instead of entering the sandbox's host side.
#pragma once

#include <string_view>

#include "base/result.h"
#include "targets/process.h"
#include "targets/target.h"

namespace recap::targets {

// By what the container's runtime says of itself. kUnsupported, or nothing to say.
base::Status refuse_sandbox_runtime(const Target& target);

// For a plain process, of which no runtime speaks: by its executable's name. A process may choose
// that name, which costs it no more than being refused.
base::Status refuse_sandbox_process(std::string_view executable, std::string_view comm,
                                    std::string_view cgroups);

}  // namespace recap::targets
