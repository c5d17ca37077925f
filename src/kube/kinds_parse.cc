// SPDX-License-Identifier: Apache-2.0
// The objects as a whole: metadata, selectors, Capsule, CapsuleRun. What they run is read in
// kinds_function.cc, when they run it in kinds_execution.cc.
#include "kube/kinds_parse.h"

#include <algorithm>
#include <ctime>
#include <functional>

#include <boost/json/serialize.hpp>

#include "kube/kinds_parts.h"

namespace recap::kube {
namespace {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;

constexpr std::int64_t kMaxSeconds = 31'536'000;  // a year
constexpr std::size_t kMaxName = 253;             // a DNS subdomain, as Kubernetes' own

bool is_dns_name(std::string_view text) {
  const auto inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, inner) &&
         text.front() != '-' && text.front() != '.' && text.back() != '-' && text.back() != '.';
}

// "2026-11-24T18:00:00Z"; 0 when it is not.
std::int64_t unix_seconds(const std::string& text) {
  std::tm time{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return end != nullptr && *end == '\0' ? ::timegm(&time) : 0;
}

Labels labels_of(Fields& fields, std::string_view name) {
  Labels labels;
  for (auto& [key, value] : fields.map(name)) {
    labels.insert_or_assign(std::move(key), std::move(value));
  }
  return labels;
}

ObjectMeta read_meta(Fields& object, Origin origin) {
  ObjectMeta meta;
  auto fields = object.object("metadata");
  if (!fields) {
    object.wrong("metadata", "is required");
    return meta;
  }
  meta.name = fields->required_text("name");
  meta.ns = fields->text("namespace");
  if (!meta.name.empty() && !is_dns_name(meta.name)) {
    fields->wrong("name", "must consist of lower case letters, digits, '-' and '.'");
  }
  if (!meta.ns.empty() && !is_dns_name(meta.ns)) {
    fields->wrong("namespace", "must consist of lower case letters, digits and '-'");
  }
  meta.labels = labels_of(*fields, "labels");
  meta.annotations = labels_of(*fields, "annotations");
  if (origin == Origin::kApiServer) {
    meta.uid = fields->text("uid");
    meta.resource_version = fields->text("resourceVersion");
    meta.generation = fields->number("generation", 0, INT64_MAX).value_or(0);
    meta.created_s = unix_seconds(fields->text("creationTimestamp"));
    meta.finalizers = fields->texts("finalizers");
    meta.deleted = fields->has("deletionTimestamp");
  }
  fields->finish();
  return meta;
}

HistoryLimits read_history(Fields& spec) {
  HistoryLimits history;
  if (auto fields = spec.object("history")) {
    history.successful =
        static_cast<std::uint32_t>(fields->number("successful", 0, 1000).value_or(3));
    history.failed = static_cast<std::uint32_t>(fields->number("failed", 0, 1000).value_or(1));
    fields->finish();
  }
  return history;
}

std::optional<std::uint32_t> read_small(Fields& spec, std::string_view name, std::int64_t min) {
  const auto number = spec.number(name, min, 1000);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

void read_capsule_spec(Fields& spec, Capsule& capsule) {
  if (auto selector = spec.object("selector")) {
    capsule.selector = read_selector(*selector);
  }
  if (capsule.selector.requirements.empty()) {
    spec.wrong("selector", "is required, with labels in matchLabels or matchExpressions");
  }
  if (capsule.cluster) {
    if (auto namespaces = spec.object("namespaceSelector")) {
      capsule.namespaces = read_selector(*namespaces);
    }
  }
  capsule.container = spec.text("container");
  capsule.function = read_function(spec);
  if (capsule.function.reference().empty()) {
    spec.wrong("function", "give either function (a name of the catalogue) or image");
  }
  capsule.execution = read_execution(spec);
  capsule.end = read_end(spec);
  if (capsule.end.active_deadline_s && capsule.execution.type == ExecutionType::kContinuous) {
    spec.wrong("activeDeadlineSeconds", "a Continuous Capsule lives as long as its target");
  }
  capsule.max_runs_per_node = read_small(spec, "maxRunsPerNode", 1);
  capsule.history = read_history(spec);
  capsule.suspend = spec.flag("suspend");
  capsule.pod_events = spec.flag("podEvents");
  spec.finish();
}

std::optional<CapsuleReference> read_reference(Fields& spec) {
  static constexpr std::pair<std::string_view, bool> kKinds[] = {{"Capsule", false},
                                                                 {"ClusterCapsule", true}};
  auto fields = spec.object("capsuleRef");
  if (!fields) {
    return std::nullopt;
  }
  CapsuleReference reference;
  reference.cluster = word_of(*fields, "kind", kKinds, false);
  reference.name = fields->required_text("name");
  fields->finish();
  return reference;
}

void read_run_spec(Fields& spec, CapsuleRun& run) {
  run.capsule = read_reference(spec);
  run.pod = spec.text("podName");
  if (auto selector = spec.object("selector")) {
    run.selector = read_selector(*selector);
  }
  if ((!run.pod.empty() && run.selector) || (run.pod.empty() && !run.selector && !run.capsule)) {
    spec.wrong("selector", "give either podName or selector");
  }
  run.container = spec.text("container");
  run.function = read_function(spec);
  if (run.function.reference().empty() != run.capsule.has_value()) {
    spec.wrong("function", "give one of function, image and capsuleRef");
  }
  run.end = read_end(spec);
  run.requested_by = spec.text("requestedBy");
  run.requested_by_groups = spec.texts("requestedByGroups");
  run.node = spec.text("nodeName");
  run.pod_uid = spec.text("podUID");
  run.parallelism = read_small(spec, "parallelism", 1).value_or(run.parallelism);
  run.backoff_limit = read_small(spec, "backoffLimit", 0).value_or(0);
  run.ttl_s = spec.number("ttlSecondsAfterFinished", 0, kMaxSeconds).value_or(run.ttl_s);
  spec.finish();
}

std::string kind_of(const json::value& object) {
  const json::object* fields = object.if_object();
  const json::value* kind = fields != nullptr ? fields->if_contains("kind") : nullptr;
  const json::string* text = kind != nullptr ? kind->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

Result<Manifest> parse_manifest(const json::value& object) {
  const std::string kind = kind_of(object);
  if (kind == "Capsule" || kind == "ClusterCapsule") {
    return Manifest(RECAP_TRY(parse_capsule(object, Origin::kManifest)));
  }
  if (kind == "CapsuleRun") {
    return Manifest(RECAP_TRY(parse_capsule_run(object, Origin::kManifest)));
  }
  return Error(Kind::kInvalid,
               "kind: '" + kind.substr(0, 60) + "' is none of Capsule, ClusterCapsule, CapsuleRun");
}

}  // namespace

std::optional<Fields> open_object(Fields& object, Origin origin, ObjectMeta& meta) {
  if (object.required_text("apiVersion") != kApiVersion) {
    object.wrong("apiVersion", std::string("must be ") + kApiVersion);
  }
  object.ignore("kind");
  object.ignore("status");
  meta = read_meta(object, origin);
  auto spec = object.object("spec");
  if (!spec) {
    object.wrong("spec", "is required");
  } else {
    const json::object* value = spec->object_value();
    meta.spec_hash = value != nullptr ? std::hash<std::string>()(json::serialize(*value)) : 0;
  }
  object.finish();
  return spec;
}

LabelSelector read_selector(Fields fields) {
  using Operator = LabelRequirement::Operator;
  static constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"In", Operator::kIn},
      {"NotIn", Operator::kNotIn},
      {"Exists", Operator::kExists},
      {"DoesNotExist", Operator::kDoesNotExist}};
  LabelSelector selector;
  for (auto& [key, value] : fields.map("matchLabels")) {
    selector.requirements.push_back({std::move(key), Operator::kIn, {std::move(value)}});
  }
  for (Fields& expression : fields.objects("matchExpressions")) {
    LabelRequirement requirement;
    requirement.key = expression.required_text("key");
    (void)expression.required_text("operator");
    requirement.op = word_of(expression, "operator", kOperators, Operator::kIn);
    requirement.values = expression.texts("values");
    const bool wants_values = requirement.op == Operator::kIn || requirement.op == Operator::kNotIn;
    if (wants_values == requirement.values.empty()) {
      expression.wrong("values", wants_values ? "is required with In and NotIn"
                                              : "must be absent with Exists and DoesNotExist");
    }
    expression.finish();
    selector.requirements.push_back(std::move(requirement));
  }
  fields.finish();
  return selector;
}

Result<LabelSelector> parse_selector(const json::value& object, std::string_view path) {
  Problem problem;
  LabelSelector selector = read_selector(Fields(&object, std::string(path), problem));
  return unless(problem, std::move(selector));
}

Result<Capsule> parse_capsule(const json::value& object, Origin origin) {
  Problem problem{.first = {}, .unknown_fields_are_wrong = origin == Origin::kManifest};
  Fields fields(&object, "", problem);
  Capsule capsule;
  capsule.cluster = kind_of(object) == "ClusterCapsule";
  auto spec = open_object(fields, origin, capsule.meta);
  if (!spec) {
    return unless(problem, std::move(capsule));
  }
  read_capsule_spec(*spec, capsule);
  return unless(problem, std::move(capsule));
}

Result<CapsuleRun> parse_capsule_run(const json::value& object, Origin origin) {
  Problem problem{.first = {}, .unknown_fields_are_wrong = origin == Origin::kManifest};
  Fields fields(&object, "", problem);
  CapsuleRun run;
  auto spec = open_object(fields, origin, run.meta);
  if (!spec) {
    return unless(problem, std::move(run));
  }
  read_run_spec(*spec, run);
  if (origin == Origin::kApiServer) {
    if (auto status = fields.object("status")) {
      run.phase = status->text("phase");
    }
  }
  return unless(problem, std::move(run));
}

Result<std::vector<Manifest>> parse_manifests(std::string_view text) {
  const std::vector<json::value> documents = RECAP_TRY(yaml_to_json(text));
  std::vector<Manifest> manifests;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    manifests.push_back(RECAP_TRY(
        parse_manifest(documents[i]).context(base::concat<40>("document ", i + 1).view())));
  }
  return manifests;
}

}  // namespace recap::kube
