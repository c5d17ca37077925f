// SPDX-License-Identifier: Apache-2.0
// One function per rule; the first that refuses gives the reason.
#include "policy/rules.h"

#include <linux/capability.h>

#include <algorithm>

#include "policy/words.h"

namespace recap::policy {
namespace {

constexpr std::uint64_t kLongestGraceMs = 30'000;

using Why = std::optional<std::string>;  // of a refusal

// Itself, or something below it.
bool is_below(const std::string& path, const std::string& top) {
  return top == "/" || path == top || path.starts_with(top + "/");
}

Why image_rule(const Rules& rules, const Wanted& run) {
  if (!run.function.empty() && is_listed(rules.functions, run.function)) {
    return std::nullopt;
  }
  const auto covers = [&](std::string_view image) {
    if (image.ends_with('*')) {
      image.remove_suffix(1);
      return run.reference.starts_with(image);
    }
    const std::size_t at = image.find('@');
    return at != std::string_view::npos && image.substr(at + 1) == run.digest;
  };
  if (std::ranges::any_of(rules.images, covers)) {
    return std::nullopt;
  }
  return (run.function.empty() ? "the image " + std::string(run.reference)
                               : "the function " + std::string(run.function)) +
         " is not allowed";
}

Why share_rule(const Rules& rules, const Wanted& run) {
  if (const auto above = static_cast<std::uint8_t>(run.grant.share & ~rules.allow.share)) {
    return "share " + share_text(above) + " is not allowed";
  }
  const auto host = static_cast<std::uint8_t>(run.grant.share & run.host_shares);
  if (host != 0 && !rules.allow.host_namespaces) {
    return "the target lives in the host's " + share_text(host) +
           " namespace, and hostNamespaces is not allowed";
  }
  return std::nullopt;
}

Why view_rule(const Rules& rules, const Wanted& run) {
  if (std::ranges::find(rules.allow.views, run.grant.view) == rules.allow.views.end()) {
    return "view " + std::string(name_of(run.grant.view)) + " is not allowed";
  }
  if (run.host_mounts && shows_files(run.grant) && !rules.allow.host_namespaces) {
    return "the target has the host's files, and hostNamespaces is not allowed";
  }
  for (const PathGrant& path : run.grant.paths) {
    const auto& tops = path.writable ? rules.allow.write_paths : rules.allow.read_paths;
    if (std::ranges::none_of(tops,
                             [&](const std::string& top) { return is_below(path.path, top); })) {
      return "path " + path.path + " is not allowed" + (path.writable ? " to be written" : "");
    }
  }
  return std::nullopt;
}

Why user_rule(const Rules& rules, const Wanted& run) {
  const auto allows = [&](run::RunAs user) {
    return std::ranges::find(rules.allow.run_as, user) != rules.allow.run_as.end();
  };
  if (!allows(run.grant.run_as)) {
    return "runAs " + std::string(name_of(run.grant.run_as)) + " is not allowed";
  }
  if (run.grant.run_as == run::RunAs::kTarget && run.target_is_root && !allows(run::RunAs::kRoot)) {
    return "the target runs as root, and runAs Root is not allowed";
  }
  return std::nullopt;
}

Why capability_rule(const Rules& rules, const Wanted& run) {
  if (const auto above = run.grant.capabilities & ~rules.allow.capabilities; above != 0) {
    return "capability " + to_text(above) + " is not allowed";
  }
  // It goes without Landlock, as only tracing needs it.
  if (run.grant.profile == run::Profile::kTrace &&
      (rules.allow.capabilities & capability(CAP_SYS_PTRACE)) == 0) {
    return "profile trace is not allowed without the capability SYS_PTRACE";
  }
  if (run.target_is_privileged && !rules.allow.privileged_targets) {
    return "the target is privileged, and privilegedTargets is not allowed";
  }
  return std::nullopt;
}

// No limit (0) is more than any.
Why above(std::string_view what, std::uint64_t asked, const std::optional<std::uint64_t>& most) {
  const bool is_above = most && (asked == 0 || asked > *most);
  return is_above ? std::optional(std::string(what) + " exceeds the limit of the policy")
                  : std::nullopt;
}

Why limit_rule(const Rules& rules, const Wanted& run) {
  const Most& max = rules.max;
  const run::Limits& limits = run.limits;
  for (Why why :
       {limits.cpu_millis == 0 ? Why() : above("cpu", limits.cpu_millis, max.cpu_millis),
        above("memory", limits.memory_bytes, max.memory_bytes),
        above("pids", limits.pids, max.pids),
        above("scratch", limits.scratch_bytes, max.scratch_bytes),
        run.keeps_artifacts ? above("artifacts", limits.out_bytes, max.artifact_bytes) : Why()}) {
    if (why) {
      return why;
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_listed(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::any_of(list,
                             [&](const std::string& each) { return each == "*" || each == word; });
}

std::optional<std::string> refusal_of(const Rules& rules, const Wanted& wanted) {
  for (auto* rule : {image_rule, share_rule, view_rule, user_rule, capability_rule, limit_rule}) {
    if (Why why = rule(rules, wanted)) {
      return why;
    }
  }
  return std::nullopt;
}

void cut_limits(const Most& max, bool is_endless, run::Limits& limits) {
  if (limits.cpu_millis == 0) {
    limits.cpu_millis = static_cast<std::uint32_t>(max.cpu_millis.value_or(0));
  }
  if (!max.deadline_s) {
    return;
  }
  limits.grace_ms = std::min(limits.grace_ms, kLongestGraceMs);
  if (is_endless) {
    return;
  }
  const auto most = static_cast<std::uint64_t>(*max.deadline_s) * 1000;
  limits.deadline_ms = limits.deadline_ms == 0 ? most : std::min(limits.deadline_ms, most);
}

}  // namespace recap::policy
