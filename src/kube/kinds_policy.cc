// SPDX-License-Identifier: Apache-2.0
// CapsulePolicy: ceilings.
#include <algorithm>
#include <span>
#include <utility>

#include "kube/kinds_parts.h"
#include "kube/kinds_quantity.h"
#include "policy/words.h"

namespace recap::kube {
namespace {

constexpr std::int64_t kMaxSeconds = 31'536'000;  // a year

// A list of words of `table`, as their values; `otherwise` when the field is absent.
template <typename T, std::size_t N>
std::vector<T> words_of(Fields& fields, std::string_view name,
                        const std::pair<std::string_view, T> (&table)[N],
                        const std::vector<T>& otherwise) {
  if (!fields.has(name)) {
    (void)fields.texts(name);
    return otherwise;
  }
  std::vector<T> values;
  for (const std::string& word : fields.texts(name)) {
    const auto* known =
        std::ranges::find(table, word, [](const auto& entry) { return entry.first; });
    if (known == std::end(table)) {
      fields.wrong(name, "there is no '" + word.substr(0, 40) + "'");
    } else {
      values.push_back(known->second);
    }
  }
  return values;
}

std::vector<std::string> texts_or(Fields& fields, std::string_view name,
                                  const std::vector<std::string>& otherwise) {
  std::vector<std::string> texts = fields.texts(name);
  return fields.has(name) ? texts : otherwise;
}

CapsulePolicy::Allowed read_allowed(Fields fields) {
  static constexpr std::pair<std::string_view, run::View> kViews[] = {
      {"nothing", run::View::kNothing},
      {"target", run::View::kTarget},
      {"merged", run::View::kMerged}};
  static constexpr std::pair<std::string_view, run::RunAs> kUsers[] = {
      {"Reserved", run::RunAs::kReserved},
      {"Target", run::RunAs::kTarget},
      {"Root", run::RunAs::kRoot}};
  static constexpr std::pair<std::string_view, ExecutionType> kTypes[] = {
      {"OnDemand", ExecutionType::kOnDemand},
      {"Periodic", ExecutionType::kPeriodic},
      {"Event", ExecutionType::kEvent},
      {"Continuous", ExecutionType::kContinuous}};
  CapsulePolicy::Allowed allow;
  const std::vector<std::string> share = fields.texts("share");
  if (fields.has("share")) {
    allow.share = checked(fields, "share", policy::parse_share(joined(share))).value_or(0);
  }
  allow.views = words_of(fields, "views", kViews, allow.views);
  allow.read_paths = texts_or(fields, "readPaths", allow.read_paths);
  allow.write_paths = fields.texts("writePaths");
  allow.capabilities = checked(fields, "capabilities",
                               policy::parse_capabilities(joined(fields.texts("capabilities"))))
                           .value_or(0);
  allow.run_as = words_of(fields, "runAs", kUsers, allow.run_as);
  allow.host_namespaces = fields.flag("hostNamespaces");
  allow.privileged_targets = fields.flag("privilegedTargets");
  allow.executions = words_of(fields, "executions", kTypes, allow.executions);
  allow.stores = fields.texts("stores");
  fields.finish();
  return allow;
}

CapsulePolicy::Most read_most(Fields fields) {
  CapsulePolicy::Most max;
  if (const auto cpu = fields.quantity("cpu")) {
    max.cpu_millis = checked(fields, "cpu", parse_quantity_milli(*cpu));
  }
  max.memory_bytes = read_amount(fields, "memory");
  max.pids = read_amount(fields, "pids");
  max.scratch_bytes = read_amount(fields, "scratch");
  max.artifact_bytes = read_amount(fields, "artifacts");
  max.deadline_s = fields.number("activeDeadlineSeconds", 1, kMaxSeconds);
  max.runs_per_target =
      static_cast<std::uint32_t>(fields.number("runsPerTarget", 1, 100).value_or(8));
  max.runs_per_node =
      static_cast<std::uint32_t>(fields.number("runsPerNode", 1, 1000).value_or(100));
  fields.finish();
  return max;
}

std::vector<CapsulePolicy::Subject> read_subjects(Fields& spec) {
  static constexpr std::pair<std::string_view, bool> kKinds[] = {{"User", false}, {"Group", true}};
  std::vector<CapsulePolicy::Subject> subjects;
  for (Fields& fields : spec.objects("subjects")) {
    (void)fields.required_text("kind");
    const bool is_group = word_of(fields, "kind", kKinds, false);
    subjects.push_back({is_group, fields.required_text("name")});
    fields.finish();
  }
  return subjects;
}

}  // namespace

base::Result<CapsulePolicy> parse_capsule_policy(const boost::json::value& object, Origin origin) {
  Problem problem{.first = {}, .unknown_fields_are_wrong = origin == Origin::kManifest};
  Fields fields(&object, "", problem);
  CapsulePolicy policy;
  auto spec = open_object(fields, origin, policy.meta);
  if (!spec) {
    return unless(problem, std::move(policy));
  }
  if (auto selector = spec->object("namespaceSelector")) {
    policy.namespaces = read_selector(*selector);
  } else {
    spec->wrong("namespaceSelector", "is required; {} means all");
  }
  policy.applies_to = spec->texts("appliesTo");
  policy.subjects = read_subjects(*spec);
  policy.functions = spec->texts("functions");
  policy.images = spec->texts("images");
  if (auto allow = spec->object("allow")) {
    policy.allow = read_allowed(*allow);
  }
  if (auto max = spec->object("max")) {
    policy.max = read_most(*max);
  }
  spec->finish();
  return unless(problem, std::move(policy));
}

}  // namespace recap::kube
