// SPDX-License-Identifier: Apache-2.0
// Docker without its daemon: what it keeps of a container in its own data directory. Read only.
#pragma once

#include <string>

#include "base/result.h"
#include "targets/target.h"

namespace recap::targets {

// Fills name, image and labels of a container of Docker's from DATA/containers/ID/config.v2.json.
// kNotFound when the container is not in `data`.
base::Status add_docker_names(Target& target, const std::string& data);

}  // namespace recap::targets
