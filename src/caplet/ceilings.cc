// SPDX-License-Identifier: Apache-2.0
// One function per rule; the first that refuses gives the reason.
#include "caplet/ceilings.h"

#include <algorithm>
#include <optional>

#include "capsule/tracers.h"
#include "linux/proc.h"
#include "policy/rules.h"
#include "policy/words.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using kube::CapsulePolicy;
using Why = std::optional<std::string>;  // of a refusal

using policy::is_listed;

bool is_about(const CapsulePolicy& policy, const Asked& asked) {
  const Declared& declared = asked.declared;
  if (!policy.namespaces.matches(asked.target.namespace_labels) ||
      (!policy.applies_to.empty() && !is_listed(policy.applies_to, declared.kind))) {
    return false;
  }
  // Who may write Capsules was decided by RBAC.
  return !declared.once || policy.subjects.empty() ||
         std::ranges::any_of(policy.subjects, [&](const CapsulePolicy::Subject& subject) {
           return subject.is_group ? is_listed(declared.once->groups, subject.name)
                                   : declared.once->requested_by == subject.name;
         });
}

Why execution_rule(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted&) {
  const kube::Capsule& capsule = asked.declared.capsule;
  const auto& types = policy.allow.executions;
  if (std::ranges::find(types, capsule.execution.type) == types.end()) {
    return "execution " + std::string(kube::name_of(capsule.execution.type)) + " is not allowed";
  }
  if (!capsule.function.store.empty() && !is_listed(policy.allow.stores, capsule.function.store)) {
    return "store " + capsule.function.store + " is not allowed";
  }
  return std::nullopt;
}

Why refusal_of(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted& run) {
  const policy::Wanted wanted{.function = run.function,
                              .reference = run.image.reference,
                              .digest = run.image.digest,
                              .grant = run.grant,
                              .limits = run.limits,
                              .keeps_artifacts = !asked.declared.capsule.function.store.empty(),
                              .host_shares = asked.facts.host_shares,
                              .host_mounts = run.host_mounts,
                              .target_is_privileged = asked.facts.is_privileged,
                              .target_is_root = asked.facts.is_root};
  const policy::Rules rules{policy.functions, policy.images, policy.allow, policy.max};
  if (Why why = policy::refusal_of(rules, wanted)) {
    return why;
  }
  return execution_rule(policy, asked, run);
}

}  // namespace

Result<TargetFacts> facts_of(const targets::Target& target) {
  TargetFacts facts;
  facts.host_shares = RECAP_TRY(capsule::shares_with_host(target.pid, policy::kHostSensitive));
  facts.is_privileged = RECAP_TRY(capsule::is_privileged(target.pid));
  facts.is_root = RECAP_TRY(linux::ids_of(static_cast<int>(target.pid))).uid == 0;
  return facts;
}

bool RunsAtOnce::is_reached(const Load& load) const {
  const auto under = load.under.find(policy);
  return load.on_target >= per_target || (under != load.under.end() && under->second >= per_node);
}

Result<Cover> admit_under(const std::vector<CapsulePolicy>& policies, const Asked& asked,
                          capsule::Admitted& run) {
  Cover cover;
  std::string refusals;
  for (const CapsulePolicy& policy : policies) {
    if (!is_about(policy, asked)) {
      continue;
    }
    if (const Why why = refusal_of(policy, asked, run)) {
      refusals += (refusals.empty() ? "" : "; ") + policy.meta.name + ": " + *why;
      continue;
    }
    RunsAtOnce most{policy.meta.name, policy.max.runs_per_target, policy.max.runs_per_node};
    if (!most.is_reached(asked.load)) {
      policy::cut_limits(policy.max,
                         asked.declared.capsule.execution.type == kube::ExecutionType::kContinuous,
                         run.limits);
      run.policy = policy.meta.name;
      return Cover{.policy = policy.meta.name, .full = {}};
    }
    cover.full.push_back(std::move(most));
  }
  if (!cover.full.empty()) {
    return cover;
  }
  if (refusals.empty()) {
    return Error(Kind::kDenied,
                 "no CapsulePolicy is for this namespace, kind and user: ask the "
                 "cluster's administrator for one");
  }
  return Error(Kind::kDenied, "no CapsulePolicy covers it: " + refusals.substr(0, 400));
}

}  // namespace recap::caplet
