// SPDX-License-Identifier: Apache-2.0
// The arguments of one verb: console/command.h, with the flags that each has.
#pragma once

#include <string_view>

#include "console/command.h"
#include "kubectl/cluster.h"
#include "kubectl/manual.h"

namespace recap::kubectl {

class Command final : public console::Command {
 public:
  explicit Command(std::string_view verb) : console::Command(program(), verb) {
    bind("--namespace", cluster_.ns)
        .bind("--context", cluster_.context)
        .bind("--kubeconfig", cluster_.kubeconfig);
  }

  // Once parse() has returned nothing.
  [[nodiscard]] const ClusterFlags& cluster() const { return cluster_; }

 private:
  ClusterFlags cluster_;
};

}  // namespace recap::kubectl
