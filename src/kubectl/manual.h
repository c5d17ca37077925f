// SPDX-License-Identifier: Apache-2.0
// The table of the verbs of `kubectl recap`.
#pragma once

#include "console/manual.h"

namespace recap::kubectl {

const console::Program& program();

}  // namespace recap::kubectl
