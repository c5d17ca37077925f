// SPDX-License-Identifier: Apache-2.0
// Containers known from files alone: the OCI runtimes' state, containerd's bundles, Docker's and
// Podman's names. No socket is used, so this works while a daemon is stopped, stuck or being
// upgraded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/target.h"

namespace recap::targets {

// A container may be known to several roots; it then appears once, with what each of them knows.
// The process of a target may have ended: check_process() tells.
base::Result<std::vector<Target>> known_by_id(const Roots& roots, std::string_view id);
base::Result<std::vector<Target>> known_by_prefix(const Roots& roots, std::string_view prefix);

// Unlike above, a container whose own state is damaged or not to be believed is left out: one bad
// container must not hide the others.
base::Result<std::vector<Target>> known_all(const Roots& roots);

// Adds `target`, or completes the one with the same id.
void merge_into(std::vector<Target>& targets, Target target);

}  // namespace recap::targets
