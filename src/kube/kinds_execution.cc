// SPDX-License-Identifier: Apache-2.0
// When a Capsule runs: its execution policy.
#include <utility>

#include "kube/kinds_parts.h"

namespace recap::kube {
namespace {

constexpr std::int64_t kMaxSeconds = 31'536'000;  // a year
constexpr std::int64_t kMaxDay = 86'400;

PeriodicSpec read_periodic(Fields fields) {
  static constexpr std::pair<std::string_view, ConcurrencyPolicy> kPolicies[] = {
      {"Allow", ConcurrencyPolicy::kAllow},
      {"Forbid", ConcurrencyPolicy::kForbid},
      {"Replace", ConcurrencyPolicy::kReplace}};
  PeriodicSpec periodic;
  periodic.schedule = fields.required_text("schedule");
  periodic.time_zone = fields.text("timeZone");
  periodic.concurrency = word_of(fields, "concurrencyPolicy", kPolicies, ConcurrencyPolicy::kAllow);
  periodic.starting_deadline_s = fields.number("startingDeadlineSeconds", 0, kMaxSeconds);
  periodic.jitter_s = fields.number("jitterSeconds", 0, kMaxDay).value_or(0);
  fields.finish();
  return periodic;
}

// The object that only a source of that type has; a problem where another has it.
std::optional<Fields> own_object(Fields& fields, std::string_view name, bool belongs) {
  auto object = fields.object(name);
  if (object && !belongs) {
    fields.wrong(name, "belongs to another type of event");
    return std::nullopt;
  }
  return object;
}

void read_memory(Fields& fields, EventSource& source) {
  const bool belongs = source.type == EventType::kMemoryPressure;
  auto memory = own_object(fields, "memoryPressure", belongs);
  if (!memory) {
    source.usage_percent = belongs ? 90 : 0;
    return;
  }
  source.usage_percent =
      static_cast<std::uint32_t>(memory->number("usagePercent", 1, 100).value_or(0));
  source.stall_percent =
      static_cast<std::uint32_t>(memory->number("stallPercent", 1, 100).value_or(0));
  if ((source.usage_percent != 0) == (source.stall_percent != 0)) {
    memory->wrong("usagePercent", "give either usagePercent or stallPercent");
  }
  memory->finish();
}

void read_cpu(Fields& fields, EventSource& source) {
  const bool belongs = source.type == EventType::kCpuPressure;
  source.stall_percent = belongs ? 50 : source.stall_percent;
  if (auto cpu = own_object(fields, "cpuPressure", belongs)) {
    source.stall_percent =
        static_cast<std::uint32_t>(cpu->number("stallPercent", 1, 100).value_or(50));
    cpu->finish();
  }
}

void read_file(Fields& fields, EventSource& source) {
  const bool belongs = source.type == EventType::kFileChanged;
  auto file = own_object(fields, "fileChanged", belongs);
  if (!file) {
    if (belongs) {
      fields.wrong("fileChanged", "is required with FileChanged");
    }
    return;
  }
  if (const auto path = policy::clean_path(file->required_text("path"))) {
    source.path = *path;
  } else {
    file->wrong("path", path.error().message());
  }
  file->finish();
}

void read_pod(Fields& fields, EventSource& source) {
  if (auto pod = own_object(fields, "podNotReady", source.type == EventType::kPodNotReady)) {
    source.for_s = pod->number("forSeconds", 0, kMaxDay).value_or(0);
    pod->finish();
  }
}

void read_hook(Fields& fields, EventSource& source) {
  const bool belongs = source.type == EventType::kWebhook;
  auto hook = own_object(fields, "webhook", belongs);
  if (!hook) {
    if (belongs) {
      fields.wrong("webhook", "is required with Webhook");
    }
    return;
  }
  source.hook = hook->required_text("name");
  for (auto& [key, value] : hook->map("matchLabels")) {
    source.hook_labels.insert_or_assign(std::move(key), std::move(value));
  }
  hook->finish();
}

EventSource read_source(Fields& fields) {
  static constexpr std::pair<std::string_view, EventType> kTypes[] = {
      {"ContainerStarted", EventType::kContainerStarted},
      {"ContainerRestarted", EventType::kContainerRestarted},
      {"MemoryPressure", EventType::kMemoryPressure},
      {"CPUPressure", EventType::kCpuPressure},
      {"FileChanged", EventType::kFileChanged},
      {"PodNotReady", EventType::kPodNotReady},
      {"Webhook", EventType::kWebhook}};
  EventSource source;
  (void)fields.required_text("type");
  source.type = word_of(fields, "type", kTypes, EventType::kContainerStarted);
  read_memory(fields, source);
  read_cpu(fields, source);
  read_file(fields, source);
  read_pod(fields, source);
  read_hook(fields, source);
  fields.finish();
  return source;
}

EventSpec read_event(Fields fields) {
  EventSpec event;
  for (Fields& source : fields.objects("triggers")) {
    event.triggers.push_back(read_source(source));
  }
  if (event.triggers.empty()) {
    fields.wrong("triggers", "name at least one event");
  }
  event.debounce_s = fields.number("debounceSeconds", 0, 3600).value_or(event.debounce_s);
  event.cooldown_s = fields.number("cooldownSeconds", 0, kMaxDay).value_or(event.cooldown_s);
  event.max_runs_per_hour =
      fields.number("maxRunsPerHour", 1, 3600).value_or(event.max_runs_per_hour);
  fields.finish();
  return event;
}

ScrapeSpec read_metrics(Fields fields) {
  ScrapeSpec scrape;
  scrape.port = static_cast<std::uint16_t>(fields.number("port", 1, 65535).value_or(0));
  scrape.path = fields.optional_text("path").value_or(scrape.path);
  if (scrape.port == 0) {
    fields.wrong("port", "is required");
  }
  if (!scrape.path.starts_with('/') || scrape.path.find(' ') != std::string::npos) {
    fields.wrong("path", "must begin with '/' and have no blank");
  }
  fields.finish();
  return scrape;
}

ContinuousSpec read_continuous(Fields fields) {
  static constexpr std::pair<std::string_view, bool> kPolicies[] = {{"Always", false},
                                                                    {"OnFailure", true}};
  ContinuousSpec continuous;
  continuous.only_on_failure = word_of(fields, "restartPolicy", kPolicies, false);
  continuous.backoff_s = fields.number("backoffSeconds", 1, 3600).value_or(continuous.backoff_s);
  continuous.max_backoff_s =
      fields.number("maxBackoffSeconds", 1, kMaxDay).value_or(continuous.max_backoff_s);
  if (continuous.backoff_s > continuous.max_backoff_s) {
    fields.wrong("backoffSeconds", "must not exceed maxBackoffSeconds");
  }
  if (auto metrics = fields.object("metrics")) {
    continuous.scrape = read_metrics(*metrics);
  }
  fields.finish();
  return continuous;
}

}  // namespace

ExecutionSpec read_execution(Fields& spec) {
  static constexpr std::pair<std::string_view, ExecutionType> kTypes[] = {
      {"OnDemand", ExecutionType::kOnDemand},
      {"Periodic", ExecutionType::kPeriodic},
      {"Event", ExecutionType::kEvent},
      {"Continuous", ExecutionType::kContinuous}};
  ExecutionSpec execution;
  auto fields = spec.object("execution");
  if (!fields) {
    spec.wrong("execution", "is required");
    return execution;
  }
  (void)fields->required_text("type");
  execution.type = word_of(*fields, "type", kTypes, ExecutionType::kOnDemand);
  auto periodic = fields->object("periodic");
  auto event = fields->object("event");
  auto continuous = fields->object("continuous");
  if (periodic.has_value() != (execution.type == ExecutionType::kPeriodic)) {
    fields->wrong("periodic", "belongs to type Periodic, and only there");
  }
  if (event.has_value() != (execution.type == ExecutionType::kEvent)) {
    fields->wrong("event", "belongs to type Event, and only there");
  }
  if (continuous && execution.type != ExecutionType::kContinuous) {
    fields->wrong("continuous", "belongs to type Continuous only");
  }
  if (periodic) {
    execution.periodic = read_periodic(*periodic);
  }
  if (event) {
    execution.event = read_event(*event);
  }
  if (continuous) {
    execution.continuous = read_continuous(*continuous);
  }
  fields->finish();
  return execution;
}

}  // namespace recap::kube
