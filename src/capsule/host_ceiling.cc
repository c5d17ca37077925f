// SPDX-License-Identifier: Apache-2.0
#include "capsule/host_ceiling.h"

#include <string>

#include "capsule/program.h"
#include "capsule/stage.h"
#include "capsule/tracers.h"
#include "policy/host_policy.h"

namespace recap::capsule {
namespace {

using base::Error;
using base::Kind;
using policy::HostPolicy;

// What `namespaceSelector` sees of a target on a host: the container's own labels, and ours.
policy::Labels labels_of(const targets::Target& target) {
  policy::Labels labels = target.labels;
  labels["recap.dev/target"] = target.name;
  labels["recap.dev/runtime"] = target.runtime;
  labels.erase("kubernetes.io/metadata.name");
  if (!target.pod_namespace.empty()) {
    labels["kubernetes.io/metadata.name"] = target.pod_namespace;
  }
  return labels;
}

// The policies that the file has now.
base::Result<policy::HostPolicies> read_current(const Dirs& dirs) {
  auto read = RECAP_TRY(policy::read_host_policies(dirs.policy, dirs.compiled_policy()));
  if (!read.exist || read.current) {
    return read;
  }
  (void)RECAP_TRY(run_program(
      {program_path("recap-image"), "policy", "--compile", dirs.compiled_policy(), dirs.policy}));
  read = RECAP_TRY(policy::read_host_policies(dirs.policy, dirs.compiled_policy()));
  if (!read.exist || !read.current) {
    return Error(Kind::kDenied,
                 base::concat<300>("nothing runs while the policy ", dirs.policy,
                                   " cannot be read: correct it (`recap policy` checks it)"));
  }
  return read;
}

bool is_about(const HostPolicy& policy, const policy::Labels& labels, const std::string& user) {
  return policy.targets.matches(labels) &&
         (policy.users.empty() || policy::is_listed(policy.users, user));
}

}  // namespace

base::Status admit_under_host_policy(Admitted& run, const Dirs& dirs, bool keeps_artifacts) {
  run.policy = "default";
  const policy::HostPolicies read = RECAP_TRY(read_current(dirs));
  if (!read.exist) {
    return {};
  }
  const std::uint32_t pid = run.target.target.pid;
  const policy::Wanted wanted{
      .function = run.function,
      .reference = run.image.reference,
      .digest = run.image.digest,
      .grant = run.grant,
      .limits = run.limits,
      .keeps_artifacts = keeps_artifacts,
      .host_shares = RECAP_TRY(shares_with_host(pid, policy::kHostSensitive)),
      .host_mounts = run.host_mounts,
      .target_is_privileged = RECAP_TRY(is_privileged(pid)),
      .target_is_root = run.target_ids.uid == 0};
  const policy::Labels labels = labels_of(run.target.target);
  std::string refusals;
  for (const HostPolicy& policy : read.policies) {
    if (!is_about(policy, labels, run.requester)) {
      continue;
    }
    const auto why =
        policy::refusal_of({policy.functions, policy.images, policy.allow, policy.max}, wanted);
    if (!why) {
      policy::cut_limits(policy.max, false, run.limits);
      run.policy = policy.name;
      return {};
    }
    refusals += (refusals.empty() ? "" : "; ") + policy.name + ": " + *why;
  }
  if (refusals.empty()) {
    return Error(Kind::kDenied, base::concat<300>("no CapsulePolicy of ", dirs.policy,
                                                  " is for this target and user"));
  }
  return Error(Kind::kDenied, base::concat<500>("no CapsulePolicy of ", dirs.policy,
                                                " covers it: ", refusals.substr(0, 300)));
}

}  // namespace recap::capsule
