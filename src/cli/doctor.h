// SPDX-License-Identifier: Apache-2.0
// What `recap doctor` looks at. Features of the kernel are tried, never concluded from its version:
// vendors take features back and forth, and containers and sysctls take them away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "capsule/dirs.h"

namespace recap::cli {

enum class Health : std::uint8_t {
  kOk,    // there, or absent with a fallback that costs nobody anything
  kWarn,  // something works worse or not at all
  kFail,  // no run is possible
};

struct Finding {
  Health health = Health::kOk;
  std::string check;  // "kernel", "overlay", …
  std::string found;
  std::string advice;  // what to do; empty when there is nothing to do
};

using Findings = std::vector<Finding>;

void check_kernel(Findings& out);                             // doctor_kernel.cc
void check_mounts(Findings& out, const capsule::Dirs& dirs);  // doctor_mounts.cc
void check_cgroups(Findings& out);                            // doctor_cgroups.cc
void check_host(Findings& out, const capsule::Dirs& dirs);    // doctor_host.cc

// A hierarchy in the text of /proc/self/mountinfo.
struct CgroupMount {
  std::string path;
  std::string options;  // super options: controllers on v1
  bool v2 = false;
};
std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo);

}  // namespace recap::cli
