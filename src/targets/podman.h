// SPDX-License-Identifier: Apache-2.0
// Podman without its API service: the names that its storage keeps, for the containers whose state
// the OCI runtime keeps. Read only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/target.h"

namespace recap::targets {

struct StoredName {
  std::string id, name, image;
};

// Every container in `storage`, running or not; nullopt when there is no such storage.
base::Result<std::optional<std::vector<StoredName>>> stored_names(const std::string& storage);

}  // namespace recap::targets
