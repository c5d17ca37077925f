// SPDX-License-Identifier: Apache-2.0
// One function per rule; the first that refuses gives the reason.
#include "caplet/ceilings.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "linux/fs.h"
#include "linux/proc.h"
#include "policy/words.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using kube::CapsulePolicy;
using Why = std::optional<std::string>;  // of a refusal

bool is_listed(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::any_of(list,
                             [&](const std::string& each) { return each == "*" || each == word; });
}

// Itself, or something below it.
bool is_below(const std::string& path, const std::string& top) {
  return top == "/" || path == top || path.starts_with(top + "/");
}

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

Why image_rule(const CapsulePolicy& policy, const Asked&, const capsule::Admitted& run) {
  if (!run.function.empty() && is_listed(policy.functions, run.function)) {
    return std::nullopt;
  }
  const std::string named = run.image.reference + "@" + run.image.digest;
  const auto covers = [&](std::string_view image) {
    if (image.ends_with('*')) {
      image.remove_suffix(1);
      return run.image.reference.starts_with(image);
    }
    const std::size_t at = image.find('@');
    return at != std::string_view::npos && image.substr(at + 1) == run.image.digest;
  };
  if (std::ranges::any_of(policy.images, covers)) {
    return std::nullopt;
  }
  return (run.function.empty() ? "the image " + run.image.reference
                               : "the function " + run.function) +
         " is not allowed";
}

Why share_rule(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted& run) {
  if (const auto above = static_cast<std::uint8_t>(run.grant.share & ~policy.allow.share)) {
    return "share " + policy::share_text(above) + " is not allowed";
  }
  const auto host = static_cast<std::uint8_t>(run.grant.share & asked.facts.host_shares);
  if (host != 0 && !policy.allow.host_namespaces) {
    return "the target lives in the host's " + policy::share_text(host) +
           " namespace, and hostNamespaces is not allowed";
  }
  return std::nullopt;
}

Why view_rule(const CapsulePolicy& policy, const Asked&, const capsule::Admitted& run) {
  if (std::ranges::find(policy.allow.views, run.grant.view) == policy.allow.views.end()) {
    return "view " + std::string(policy::name_of(run.grant.view)) + " is not allowed";
  }
  const bool shows_files = run.grant.view != run::View::kNothing || !run.grant.paths.empty();
  if (run.host_mounts && shows_files && !policy.allow.host_namespaces) {
    return "the target has the host's files, and hostNamespaces is not allowed";
  }
  for (const policy::PathGrant& path : run.grant.paths) {
    const auto& tops = path.writable ? policy.allow.write_paths : policy.allow.read_paths;
    if (std::ranges::none_of(tops,
                             [&](const std::string& top) { return is_below(path.path, top); })) {
      return "path " + path.path + " is not allowed" + (path.writable ? " to be written" : "");
    }
  }
  return std::nullopt;
}

Why user_rule(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted& run) {
  const auto allows = [&](run::RunAs user) {
    return std::ranges::find(policy.allow.run_as, user) != policy.allow.run_as.end();
  };
  if (!allows(run.grant.run_as)) {
    return "runAs " + std::string(policy::name_of(run.grant.run_as)) + " is not allowed";
  }
  if (run.grant.run_as == run::RunAs::kTarget && asked.facts.is_root &&
      !allows(run::RunAs::kRoot)) {
    return "the target runs as root, and runAs Root is not allowed";
  }
  return std::nullopt;
}

Why capability_rule(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted& run) {
  if (const auto above = run.grant.capabilities & ~policy.allow.capabilities; above != 0) {
    return "capability " + policy::to_text(above) + " is not allowed";
  }
  if (asked.facts.is_privileged && !policy.allow.privileged_targets) {
    return "the target is privileged, and privilegedTargets is not allowed";
  }
  return std::nullopt;
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

// No limit (0) is more than any.
Why above(std::string_view what, std::uint64_t asked, const std::optional<std::uint64_t>& most) {
  const bool is_above = most && (asked == 0 || asked > *most);
  return is_above ? std::optional(std::string(what) + " exceeds the limit of the policy")
                  : std::nullopt;
}

Why limit_rule(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted& run) {
  const CapsulePolicy::Most& max = policy.max;
  const run::Limits& limits = run.limits;
  const bool keeps_artifacts = !asked.declared.capsule.function.store.empty();
  for (Why why :
       {limits.cpu_millis == 0 ? Why() : above("cpu", limits.cpu_millis, max.cpu_millis),
        above("memory", limits.memory_bytes, max.memory_bytes),
        above("pids", limits.pids, max.pids),
        above("scratch", limits.scratch_bytes, max.scratch_bytes),
        keeps_artifacts ? above("artifacts", limits.out_bytes, max.artifact_bytes) : Why()}) {
    if (why) {
      return why;
    }
  }
  return std::nullopt;
}

Why refusal_of(const CapsulePolicy& policy, const Asked& asked, const capsule::Admitted& run) {
  for (auto* rule : {image_rule, share_rule, view_rule, user_rule, capability_rule, execution_rule,
                     limit_rule}) {
    if (Why why = rule(policy, asked, run)) {
      return why;
    }
  }
  return std::nullopt;
}

// Where nothing was asked for, the policy's own limit holds; a longer deadline is cut.
void cut_limits(const CapsulePolicy& policy, const Declared& declared, run::Limits& limits) {
  if (limits.cpu_millis == 0) {
    limits.cpu_millis = static_cast<std::uint32_t>(policy.max.cpu_millis.value_or(0));
  }
  if (!policy.max.deadline_s ||
      declared.capsule.execution.type == kube::ExecutionType::kContinuous) {
    return;
  }
  const auto most = static_cast<std::uint64_t>(*policy.max.deadline_s) * 1000;
  limits.deadline_ms = limits.deadline_ms == 0 ? most : std::min(limits.deadline_ms, most);
}

// SYS_PTRACE: a stub has the host's rights for a millisecond, in the target's pid namespace.
constexpr std::uint64_t kOfThePrivileged =
    std::uint64_t{1} << CAP_SYS_ADMIN | std::uint64_t{1} << CAP_SYS_PTRACE;

}  // namespace

Result<TargetFacts> facts_of(const targets::Target& target) {
  TargetFacts facts;
  facts.host_shares = RECAP_TRY(capsule::shares_with_host(target.pid, policy::kHostSensitive));
  std::array<char, 8192> buffer;
  const auto path = base::concat<64>("/proc/", target.pid, "/status");
  const std::string_view status = RECAP_TRY(
      linux::read_file_at(linux::kCwd, path.c_str(), buffer).context("the target is gone"));
  std::string_view field = linux::status_field(status, "CapBnd");
  const std::string_view bounding = linux::next_word(field);
  std::uint64_t capabilities = 0;
  std::from_chars(bounding.data(), bounding.data() + bounding.size(), capabilities, 16);
  facts.is_privileged = (capabilities & kOfThePrivileged) != 0;
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
      cut_limits(policy, asked.declared, run.limits);
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
