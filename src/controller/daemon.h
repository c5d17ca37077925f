// SPDX-License-Identifier: Apache-2.0
// recap-controller as a process: the Lease, its HTTP, its end.
#pragma once

#include "base/result.h"
#include "controller/options.h"

namespace recap::controller {

// Until SIGTERM or SIGINT. Who loses the Lease ends with an error, and is started anew by its
// Deployment: nothing of it can be half at work then.
base::Status serve(const Words& words);

}  // namespace recap::controller
