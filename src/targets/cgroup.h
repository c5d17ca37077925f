// SPDX-License-Identifier: Apache-2.0
// Whose process is it? The host's view of /proc/PID/cgroup tells, for a container cannot leave the
// cgroup that its runtime made for it. It can make cgroups below, with any name, so only the
// shallowest component that looks like a container's counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "targets/target.h"

namespace recap::targets {

struct Owner {
  std::string id;       // 64 hex digits
  std::string runtime;  // "docker", "podman", "containerd", "cri-o", else "process"
};

// /proc/1/cgroup: the components that host's init has too are not the container's (a host may be
// a container itself: kind, nested test machines). Empty when it cannot be read.
std::string host_cgroups(const Roots& roots);

// The container that the shallowest container-like component names, in any hierarchy.
std::optional<Owner> container_of(std::string_view cgroups, std::string_view host);

enum class Naming { kThisContainer, kNoContainer, kAnotherContainer };

// Whether `cgroups` says that the process belongs to the container `id`. `recorded` is the cgroup
// that the runtime noted in its own state, or empty.
Naming compare(std::string_view cgroups, std::string_view host, std::string_view id,
               std::string_view recorded);

// Whether the freezer of either cgroup version stops the processes of these cgroups.
bool is_frozen(std::string_view cgroups, const Roots& roots);

}  // namespace recap::targets
