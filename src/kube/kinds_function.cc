// SPDX-License-Identifier: Apache-2.0
// What a Capsule runs and with which grant: function or image, words, share, view, grant, limits.
#include <algorithm>
#include <utility>

#include "kube/kinds_parts.h"
#include "kube/kinds_quantity.h"
#include "policy/words.h"

namespace recap::kube {
namespace {

constexpr std::int64_t kMaxDeadline = 2'592'000;  // 30 days
constexpr std::int64_t kMaxGrace = 3600;
constexpr std::uint64_t kMaxPids = 32768;

void read_view(Fields& spec, policy::Request& grant) {
  auto view = spec.object("view");
  if (!view) {
    return;
  }
  static constexpr std::pair<std::string_view, run::View> kRoots[] = {
      {"nothing", run::View::kNothing},
      {"target", run::View::kTarget},
      {"merged", run::View::kMerged}};
  if (view->has("root")) {
    grant.view = word_of(*view, "root", kRoots, run::View::kNothing);
  }
  std::vector<policy::PathGrant> paths;
  for (Fields& entry : view->objects("paths")) {
    policy::PathGrant path;
    path.path =
        checked(entry, "path", policy::clean_path(entry.required_text("path"))).value_or("");
    path.writable = entry.flag("writable");
    entry.finish();
    paths.push_back(std::move(path));
  }
  if (paths.size() > run::kMaxPaths) {
    view->wrong("paths", "at most 32 paths can be declared");
  }
  if (view->has("paths")) {
    grant.paths = std::move(paths);
  }
  view->finish();
}

void read_grant(Fields& spec, FunctionSpec& function) {
  policy::Request& request = function.grant;
  auto grant = spec.object("grant");
  if (!grant) {
    return;
  }
  static constexpr std::pair<std::string_view, run::RunAs> kUsers[] = {
      {"Reserved", run::RunAs::kReserved},
      {"Target", run::RunAs::kTarget},
      {"Root", run::RunAs::kRoot}};
  static constexpr std::pair<std::string_view, run::Profile> kProfiles[] = {
      {"restricted", run::Profile::kRestricted},
      {"net", run::Profile::kNet},
      {"trace", run::Profile::kTrace},
      {"files", run::Profile::kFiles}};
  const std::vector<std::string> capabilities = grant->texts("capabilities");
  if (grant->has("capabilities")) {
    request.capabilities =
        checked(*grant, "capabilities", policy::parse_capabilities(joined(capabilities)));
  }
  if (grant->has("runAs")) {
    request.run_as = word_of(*grant, "runAs", kUsers, run::RunAs::kReserved);
  }
  if (grant->has("profile")) {
    request.profile = word_of(*grant, "profile", kProfiles, run::Profile::kRestricted);
  }
  function.host_namespaces = grant->flag("hostNamespaces");
  grant->finish();
}

void read_limits(Fields& spec, FunctionSpec& function) {
  auto resources = spec.object("resources");
  auto limits = resources ? resources->object("limits") : std::nullopt;
  if (limits) {
    if (const auto cpu = limits->quantity("cpu")) {
      const auto milli = checked(*limits, "cpu", parse_quantity_milli(*cpu));
      function.cpu_millis =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(milli.value_or(0), 1'000'000));
    }
    if (const auto pids = read_amount(*limits, "pids")) {
      function.pids = static_cast<std::uint32_t>(std::min(*pids, kMaxPids));
    }
    function.memory_bytes = read_amount(*limits, "memory");
    function.scratch_bytes = read_amount(*limits, "scratch");
    limits->finish();
  }
  if (resources) {
    resources->finish();
  }
}

void read_env(Fields& spec, FunctionSpec& function) {
  for (Fields& entry : spec.objects("env")) {
    std::string name = entry.required_text("name");
    if (name.find('=') != std::string::npos || name.starts_with("RECAP_")) {
      entry.wrong("name", "must not have '=' in it nor begin with RECAP_");
    }
    function.env.emplace_back(std::move(name), entry.text("value"));
    entry.finish();
  }
}

void read_artifacts(Fields& spec, FunctionSpec& function) {
  if (auto artifacts = spec.object("artifacts")) {
    function.store = artifacts->required_text("store");
    function.artifact_bytes = read_amount(*artifacts, "maxSize");
    artifacts->finish();
  }
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text.empty() ? "none" : text;
}

std::optional<std::uint64_t> read_amount(Fields& fields, std::string_view name) {
  const auto text = fields.quantity(name);
  return text ? checked(fields, name, parse_quantity(*text)) : std::nullopt;
}

FunctionSpec read_function(Fields& spec) {
  static constexpr std::pair<std::string_view, PullPolicy> kPolicies[] = {
      {"IfNotPresent", PullPolicy::kIfNotPresent},
      {"Always", PullPolicy::kAlways},
      {"Never", PullPolicy::kNever}};
  FunctionSpec function;
  function.function = spec.text("function");
  function.image = spec.text("image");
  if (!function.function.empty() && !function.image.empty()) {
    spec.wrong("image", "give either function or image, and not both");
  }
  function.pull = word_of(spec, "imagePullPolicy", kPolicies, PullPolicy::kIfNotPresent);
  function.command = spec.texts("command");
  function.args = spec.texts("args");
  read_env(spec, function);
  const std::vector<std::string> share = spec.texts("share");
  if (spec.has("share")) {
    function.grant.share = checked(spec, "share", policy::parse_share(joined(share)));
  }
  read_view(spec, function.grant);
  read_grant(spec, function);
  read_limits(spec, function);
  read_artifacts(spec, function);
  return function;
}

EndSpec read_end(Fields& spec) {
  EndSpec end;
  end.active_deadline_s = spec.number("activeDeadlineSeconds", 1, kMaxDeadline);
  end.grace_s = spec.number("terminationGracePeriodSeconds", 0, kMaxGrace).value_or(end.grace_s);
  return end;
}

}  // namespace recap::kube
