// SPDX-License-Identifier: Apache-2.0
// The keeper's first move: out of whatever started it (a shell, a systemd unit, a container of a
// DaemonSet) and onto the host, so that nothing it holds belongs to the starter.
#pragma once

#include <string_view>

#include "base/result.h"

namespace recap::engine {

// Session, signals, dumpable, cgroups, and the namespaces of the host's init. On cgroup v2 a child
// goes on in our place (engine/cgroup_tree.h, also for `caller`). All paths used afterwards are the
// host's.
base::Status move_to_host(std::string_view cgroup_parent, int caller);

}  // namespace recap::engine
