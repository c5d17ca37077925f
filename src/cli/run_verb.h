// SPDX-License-Identifier: Apache-2.0
// What `recap run` and `recap shell` have in common: all but the name and the number of operands.
#pragma once

#include <span>
#include <string_view>

namespace recap::cli {

int run_verb(std::string_view verb, std::span<char*> args);

}  // namespace recap::cli
