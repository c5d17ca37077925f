// SPDX-License-Identifier: Apache-2.0
// Containers by containerd's bundles: ROOT/NAMESPACE/ID/{config.json,init.pid}. Knows every runtime
// that containerd starts, Kata and gVisor included, but not the start time of the process.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/target.h"

namespace recap::targets {

struct BundleName {
  std::string root, ns, id;
};

// Every bundle of every namespace below `root`; empty when there is no such root.
base::Result<std::vector<BundleName>> containerd_bundles(const std::string& root);

// The namespaces below `root`.
base::Result<std::vector<std::string>> containerd_namespaces(const std::string& root);

// nullopt: there is no such bundle, or its process has not started.
base::Result<std::optional<Target>> containerd_container(const BundleName& bundle);

}  // namespace recap::targets
