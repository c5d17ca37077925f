// SPDX-License-Identifier: Apache-2.0
#include "cli/run_text.h"

#include <cstdint>

#include "capsule/record_json.h"
#include "cli/units.h"
#include "linux/process.h"

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
      return "Running";
    case capsule::Life::kDead:
      return "KeeperGone";
    case capsule::Life::kEnded:
      return run::name_of(run.record->record.reason);
  }
  return kUnknown;
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
  return start == 0 ? std::string(kUnknown) : age_text(linux::wall_clock_s() - start);
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
  json.begin_object()
      .key("id")
      .text(run.id)
      .key("name")
      .text(run.name())
      .key("status")
      .text(life_text(run));
  if (const run::TargetId* target = run.target()) {
    json.key("target").begin_object().key("runtime").text(target->runtime);
    json.key("container").text(target->container_id).key("name").text(target->name);
    json.key("pid").number(target->pid).end_object();
  }
  if (const run::ImageId* image = run.image()) {
    json.key("image")
        .begin_object()
        .key("ref")
        .text(image->reference)
        .key("digest")
        .text(image->digest);
    json.end_object();
  }
  if (const std::int64_t start = started_at(run); start != 0) {
    json.key("started_at").number(start);
  }
  if (run.life == capsule::Life::kLive) {
    json.key("keeper_pid").number(run.keeper_pid);
  }
  json.end_object();
}

}  // namespace recap::cli
