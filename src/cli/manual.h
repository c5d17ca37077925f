// SPDX-License-Identifier: Apache-2.0
// The table of `recap`'s verbs.
#pragma once

#include <string_view>

#include "console/manual.h"

namespace recap::cli {

using namespace console;  // what every command line of ours is made of

const Program& program();

// nullptr when there is no such verb.
const Manual* manual_of(std::string_view verb);

}  // namespace recap::cli
