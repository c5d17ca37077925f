// SPDX-License-Identifier: Apache-2.0
// From the words of `kubectl recap run` to a CapsuleRun.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "console/run_flags.h"
#include "kube/access.h"
#include "kubectl/cluster.h"

namespace recap::kubectl {

struct RunCommand {
  console::RunOptions options;  // request.target is the pod, request.image the function or image
  ClusterFlags cluster;
  std::string selector, container, from;
  std::optional<std::int64_t> parallelism;
  bool remove = false;  // --rm
};

// kInvalid with a sentence about what is wrong, also for flags of `recap run` that an object cannot
// carry.
base::Result<RunCommand> parse_run_command(std::span<char*> args);

// The object to create: metadata.name is `name`, requestedBy and its groups are `user`'s.
boost::json::object object_of(const RunCommand& command, const kube::UserInfo& user,
                              const std::string& name);

// "tcpdump", "sh": what a generated name begins with.
std::string name_stem(const RunCommand& command);

// kubectl's notation of a selector ("app=web,tier!=cache,env in (a,b),!old") as a LabelSelector.
base::Result<boost::json::object> selector_of(std::string_view text);

}  // namespace recap::kubectl
