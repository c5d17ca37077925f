// SPDX-License-Identifier: Apache-2.0
// The kinds of recap.dev/v1alpha1 that a node acts on, as C++ structs: Capsule, ClusterCapsule and
// CapsuleRun. Field names, units and defaults are those of deploy/crds; what is optional there and
// has no default is std::optional here.
//
// Plain data, no threads. kinds_parse.h makes them from JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kube/resource.h"
#include "policy/grant.h"
#include "policy/rules.h"
#include "policy/selector.h"

namespace recap::kube {

inline constexpr const char* kGroup = "recap.dev";
inline constexpr const char* kVersion = "v1alpha1";
inline constexpr const char* kApiVersion = "recap.dev/v1alpha1";

inline constexpr Resource kCapsules{kGroup, kVersion, "capsules"};
inline constexpr Resource kClusterCapsules{kGroup, kVersion, "clustercapsules"};
inline constexpr Resource kCapsuleRuns{kGroup, kVersion, "capsuleruns"};
inline constexpr Resource kCapsulePolicies{kGroup, kVersion, "capsulepolicies"};
inline constexpr Resource kCapsuleNodes{kGroup, kVersion, "capsulenodes"};

using policy::Labels;

struct ObjectMeta {
  std::string name, ns, uid, resource_version;
  std::int64_t generation = 0;
  std::int64_t created_s = 0;  // Unix seconds; 0: the object does not say
  Labels labels, annotations;
  std::vector<std::string> finalizers;
  bool deleted = false;       // metadata.deletionTimestamp is set
  std::size_t spec_hash = 0;  // the same spec has the same one, also in another process
};

using policy::LabelRequirement;
using policy::LabelSelector;

enum class PullPolicy : std::uint8_t { kIfNotPresent, kAlways, kNever };

// What is to run, and with what: the part that Capsule and CapsuleRun have in common.
struct FunctionSpec {
  std::string function;  // of the catalogue; at most one of function and image is set
  std::string image;
  PullPolicy pull = PullPolicy::kIfNotPresent;
  std::vector<std::string> command, args;  // instead of the image's entrypoint, and of its command
  std::vector<std::pair<std::string, std::string>> env;
  policy::Request grant;  // share, view, paths, capabilities, run_as, profile
  bool host_namespaces = false;
  std::optional<std::uint32_t> cpu_millis, pids;
  std::optional<std::uint64_t> memory_bytes, scratch_bytes;
  std::string store;  // where artifacts go: a name of the node's configuration; empty: nowhere
  std::optional<std::uint64_t> artifact_bytes;

  [[nodiscard]] const std::string& reference() const { return function.empty() ? image : function; }
};

// How a run ends that does not end by itself.
struct EndSpec {
  std::optional<std::int64_t> active_deadline_s;
  std::int64_t grace_s = 5;
};

enum class ConcurrencyPolicy : std::uint8_t { kAllow, kForbid, kReplace };

struct PeriodicSpec {
  std::string schedule;   // cron's five fields or "@hourly"…
  std::string time_zone;  // IANA name; empty: the node's
  ConcurrencyPolicy concurrency = ConcurrencyPolicy::kAllow;
  std::optional<std::int64_t> starting_deadline_s;
  std::int64_t jitter_s = 0;
};

enum class EventType : std::uint8_t {
  kContainerStarted,
  kContainerRestarted,
  kMemoryPressure,
  kCpuPressure,
  kFileChanged,
  kPodNotReady,
  kWebhook,
};
inline constexpr std::size_t kEventTypes = 7;
const char* name_of(EventType type);

struct EventSource {
  EventType type = EventType::kContainerStarted;
  std::string path;                 // FileChanged: absolute, in the target
  std::uint32_t usage_percent = 0;  // MemoryPressure: of the container's limit; 0: by stalls
  std::uint32_t stall_percent = 0;  // MemoryPressure, CPUPressure: of 2 s (PSI); 0: by usage
  std::int64_t for_s = 0;           // PodNotReady
  std::string hook;                 // Webhook: the last part of its URL
  Labels hook_labels{};             // Webhook: labels that the alert must have

  bool operator==(const EventSource&) const = default;
};

struct EventSpec {
  std::vector<EventSource> triggers;
  std::int64_t debounce_s = 1;
  std::int64_t cooldown_s = 60;
  std::int64_t max_runs_per_hour = 10;
};

// Metrics of an exporter that runs as a Continuous Capsule.
struct ScrapeSpec {
  std::uint16_t port = 0;  // in the network namespace that the function is in; 0: not scraped
  std::string path = "/metrics";
};

struct ContinuousSpec {
  bool only_on_failure = false;  // restartPolicy OnFailure
  std::int64_t backoff_s = 10;
  std::int64_t max_backoff_s = 300;
  ScrapeSpec scrape;
};

enum class ExecutionType : std::uint8_t { kOnDemand, kPeriodic, kEvent, kContinuous };
const char* name_of(ExecutionType type);

struct ExecutionSpec {
  ExecutionType type = ExecutionType::kOnDemand;
  PeriodicSpec periodic;
  EventSpec event;
  ContinuousSpec continuous;
};

// Ended runs of each target that a node keeps, with their records and logs.
struct HistoryLimits {
  std::uint32_t successful = 3;
  std::uint32_t failed = 1;
};

// Capsule, and ClusterCapsule with `meta.ns` empty and `cluster` set.
struct Capsule {
  ObjectMeta meta;
  bool cluster = false;
  LabelSelector selector;
  LabelSelector namespaces;  // ClusterCapsule: of the namespaces' labels
  std::string container;     // empty: the default container
  FunctionSpec function;
  ExecutionSpec execution;
  EndSpec end;
  std::optional<std::uint32_t> max_runs_per_node;
  HistoryLimits history;
  bool suspend = false;
  bool pod_events = false;
};

struct CapsuleReference {
  bool cluster = false;
  std::string name;
};

struct CapsuleRun {
  ObjectMeta meta;
  std::optional<CapsuleReference> capsule;  // what runs is that Capsule's, and `function` is empty
  std::string pod;                          // at most one of pod and selector is set
  std::optional<LabelSelector> selector;
  std::string container;
  FunctionSpec function;
  EndSpec end;
  std::string requested_by;
  std::vector<std::string> requested_by_groups;
  std::string node, pod_uid;  // set by the controller, both or neither
  std::uint32_t parallelism = 10;
  std::uint32_t backoff_limit = 0;
  std::int64_t ttl_s = 3600;  // ttlSecondsAfterFinished
  std::string phase;          // status.phase: "", "Pending", "Running", "Succeeded", "Failed"

  [[nodiscard]] bool is_finished() const { return phase == "Succeeded" || phase == "Failed"; }
};

// A ceiling. What an administrator does not mention has the kind's default, which is narrow.
struct CapsulePolicy {
  struct Subject {
    bool is_group = false;
    std::string name;
  };
  struct Allowed : policy::Allowed {
    std::vector<ExecutionType> executions{ExecutionType::kOnDemand, ExecutionType::kPeriodic,
                                          ExecutionType::kEvent, ExecutionType::kContinuous};
    std::vector<std::string> stores;  // "*": all
  };
  struct Most : policy::Most {
    std::uint32_t runs_per_target = kRunsPerTarget, runs_per_node = kRunsPerNode;
  };
  static constexpr std::uint32_t kRunsPerTarget = 8, kRunsPerNode = 100;

  ObjectMeta meta;
  LabelSelector namespaces;
  std::vector<std::string> applies_to;         // kinds; empty: all
  std::vector<Subject> subjects;               // empty: everybody
  std::vector<std::string> functions, images;  // policy::Rules
  Allowed allow;
  Most max;
};

}  // namespace recap::kube
