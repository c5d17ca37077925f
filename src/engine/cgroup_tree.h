// SPDX-License-Identifier: Apache-2.0
// Where cgroups are on this host, and how a keeper gets out of its starter's.
//
// Keepers live in PARENT/keepers, one cgroup for all of them, so that removing the container or
// scope they were started from does not take them along.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"

namespace recap::engine {

using base::Result;
using base::Status;

inline constexpr std::string_view kCgroupRoot = "/sys/fs/cgroup";

using CgroupPath = base::FixedString<255>;

// Hybrid counts as v1: that has the controllers.
enum class CgroupLayout : std::uint8_t { kV1, kV2 };
Result<CgroupLayout> cgroup_layout();

// Makes the group `path` of the hierarchy mounted at kCgroupRoot/`mount` ("" is v2's), unless it is
// there; `made` is its host path.
Status make_group(std::string_view mount, std::string_view path, CgroupPath& made);

// Moves the calling (single-threaded) process out of its starter's cgroups, in every hierarchy.
// On v2, also beside v1, a child goes on in its place, and the function returns there only. The
// caller at the other end of the socket `caller` hears of that (EventType::kMoved); without one
// (-1) the process stays where it was until the child ends, and ends alike.
Status leave_starters_cgroups(std::string_view parent, int caller);

}  // namespace recap::engine
