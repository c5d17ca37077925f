// SPDX-License-Identifier: Apache-2.0
// Who asks, for the record.
#pragma once

#include <string>

namespace recap::capsule {

// The login name of whoever logged in on this session (the audit system's loginuid, which sudo and
// su do not change), else of the calling user; "uid:N" when it has no name. At most 64 bytes.
std::string requester();

}  // namespace recap::capsule
