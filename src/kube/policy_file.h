// SPDX-License-Identifier: Apache-2.0
// The policy file of a host without Kubernetes: documents of kind CapsulePolicy, the same as the
// objects of a cluster, for the runs that `recap` starts.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/host_policy.h"

namespace recap::kube {

// kInvalid, naming document and field, for what is wrong, unknown, or cannot be kept on a host.
// Policies that are for Capsules only, or for other executions than OnDemand, are left out.
base::Result<std::vector<policy::HostPolicy>> parse_policy_file(std::string_view text);

// `policy [--compile FILE] [SOURCE]`: checks SOURCE and says what is in it, one line per policy;
// or writes it compiled to FILE, where read_host_policies() finds it, and says nothing.
base::Result<std::string> policy_command(std::span<const std::string_view> words);

}  // namespace recap::kube
