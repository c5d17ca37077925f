// SPDX-License-Identifier: Apache-2.0
// Containers by the state that OCI runtimes keep: ROOT/ID/state.json (runc, youki), ROOT/ID/status
// (crun). This is the most direct source: root-owned files, with the start time of the init
// process next to its pid, and no daemon to ask.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/target.h"

namespace recap::targets {

// nullopt: `root` does not know `id`. The target may have ended; check_process() tells.
base::Result<std::optional<Target>> oci_container(const std::string& root, std::string_view id);

// The ids that `root` has; empty when there is no such root.
base::Result<std::vector<std::string>> oci_ids(const std::string& root);

// Takes the file's text apart; exposed for its tests. `id` is the directory's name.
base::Result<Target> parse_runc_state(std::string_view text, std::string_view id);
base::Result<Target> parse_crun_status(std::string_view text, std::string_view id);

}  // namespace recap::targets
