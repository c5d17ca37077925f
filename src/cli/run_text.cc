// SPDX-License-Identifier: Apache-2.0
#include "cli/run_text.h"

#include <cstdint>
#include <span>

#include "capsule/record_json.h"
#include "console/units.h"
#include "linux/process.h"
#include "policy/capabilities.h"
#include "policy/words.h"

namespace recap::cli {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::string_view kUnknown = "?";  // the run's files could not be read

// Unix seconds; 0 when unknown. A live run knows its start by the monotonic clock only.
std::int64_t started_at(const capsule::Run& run) {
  if (run.record) {
    return run.record->record.started_at_s;
  }
  if (!run.spec) {
    return 0;
  }
  const std::uint64_t age_ns = linux::monotonic_ns() - run.spec->spec.requested_ns;
  return linux::wall_clock_s() - static_cast<std::int64_t>(age_ns / kNsPerSecond);
}

std::string_view life_text(const capsule::Run& run) {
  switch (run.life) {
    case capsule::Life::kLive:
      return run.keeper_pid == 0 ? "Starting" : "Running";
    case capsule::Life::kDead:
      return "KeeperGone";
    case capsule::Life::kEnded:
      return run::name_of(run.record->record.reason);
  }
  return kUnknown;
}

void describe_words(capsule::JsonWriter& json, std::span<const std::string_view> words) {
  json.key("argv").begin_array();
  for (const std::string_view word : words) {
    json.text(word);
  }
  json.end_array();
}

void describe_grant(capsule::JsonWriter& json, const run::Spec& spec) {
  json.key("share").begin_array();
  policy::each_share(spec.share, [&](std::string_view name) { json.text(name); });
  json.end_array().key("view").text(policy::name_of(spec.view)).key("paths").begin_array();
  for (const run::ViewPath& path : std::span(spec.paths).first(spec.path_count)) {
    json.begin_object().key("path").text(path.path).key("writable").boolean(path.writable);
    json.end_object();
  }
  json.end_array().key("grant").begin_object().key("capabilities").begin_array();
  policy::each_capability(spec.capabilities, [&](const std::string& name) { json.text(name); });
  json.end_array().key("run_as").text(policy::name_of(spec.run_as));
  json.key("profile").text(policy::name_of(spec.profile)).end_object();
}

void describe_limits(capsule::JsonWriter& json, const run::Limits& limits) {
  json.key("limits").begin_object().key("cpu_millis").number(limits.cpu_millis);
  json.key("memory_bytes").number(limits.memory_bytes).key("pids").number(limits.pids);
  json.key("scratch_bytes").number(limits.scratch_bytes).key("log_bytes").number(limits.log_bytes);
  json.key("deadline_ms").number(limits.deadline_ms).key("grace_ms").number(limits.grace_ms);
  json.end_object();
}

// With the names that write_record() gives the same facts.
void describe_spec(capsule::JsonWriter& json, const run::Spec& spec) {
  json.key("requester").text(spec.requester).key("target").begin_object();
  json.key("runtime").text(spec.target.runtime).key("container").text(spec.target.container_id);
  json.key("name").text(spec.target.name).key("pid").number(spec.target.pid).end_object();
  json.key("image").begin_object().key("ref").text(spec.image.reference);
  json.key("digest").text(spec.image.digest).end_object();
  describe_words(json, spec.argv);
  describe_grant(json, spec);
  describe_limits(json, spec.limits);
  json.key("terminal").boolean(spec.terminal).key("detached").boolean(spec.detached);
}

}  // namespace

std::string function_text(const capsule::Run& run) {
  const run::ImageId* image = run.image();
  return std::string(image == nullptr ? kUnknown : image->reference);
}

std::string target_text(const capsule::Run& run) {
  const run::TargetId* target = run.target();
  return std::string(target == nullptr ? kUnknown : target->name);
}

std::string age_of(const capsule::Run& run) {
  const std::int64_t start = started_at(run);
  return start == 0 ? std::string(kUnknown) : console::age_text(linux::wall_clock_s() - start);
}

std::string status_text(const capsule::Run& run) {
  std::string text(life_text(run));
  if (run.record) {
    const run::Record& record = run.record->record;
    text += " (" + std::to_string(record.exit_code) + ")";
    if (record.residue_count != 0) {
      text += ", residue found";
    } else if (!record.residue_verified) {
      text += ", not verified";
    }
  }
  return text;
}

void describe(capsule::JsonWriter& json, const capsule::Run& run) {
  if (run.record) {
    capsule::write_record(json, run.record->record);
    return;
  }
  json.begin_object().key("id").text(run.id).key("name").text(run.name());
  json.key("status").text(life_text(run)).key("keeper_pid").number(run.keeper_pid);
  if (run.spec) {
    describe_spec(json, run.spec->spec);
    json.key("started_at").number(started_at(run));
  }
  json.end_object();
}

}  // namespace recap::cli
