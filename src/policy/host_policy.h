// SPDX-License-Identifier: Apache-2.0
// The CapsulePolicies of a host without Kubernetes. Administrators write them as YAML
// (/etc/recap/policy.yaml); a run reads them compiled, because it links no YAML. The compiled file
// says of which source it was made; of another one, or of an older state of it, it is stale.
//
// DATA_DIR/policy, written by `recap-image policy`: see encode().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/rules.h"
#include "policy/selector.h"

namespace recap::policy {

struct HostPolicy {
  std::string name;
  LabelSelector targets;           // by what a host knows of one (capsule/host_ceiling.cc)
  std::vector<std::string> users;  // login names; empty: everybody
  std::vector<std::string> functions, images;
  Allowed allow;
  Most max;
};

// One state of a file: any write to it makes another one.
struct FileState {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t changed_s = 0, changed_ns = 0;

  bool operator==(const FileState&) const = default;
};

// Of the open file `fd`, which people call `path`. kDenied when others than root may write it.
base::Result<FileState> state_of_policy(int fd, std::string_view path);

base::Result<std::vector<std::byte>> encode(const FileState& source,
                                            const std::vector<HostPolicy>& policies);

struct HostPolicies {
  bool exist = false;    // there is a source
  bool current = false;  // `policies` are what it says
  std::vector<HostPolicy> policies;
};

// Costs one failed open(2) where there is no source.
base::Result<HostPolicies> read_host_policies(const std::string& source,
                                              const std::string& compiled);

}  // namespace recap::policy
