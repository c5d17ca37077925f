// SPDX-License-Identifier: Apache-2.0
// The fields are for programs: names never change their meaning, new ones are added.
#include "capsule/record_json.h"

#include <span>

#include "policy/capabilities.h"
#include "policy/words.h"

namespace recap::capsule {
namespace {

struct GrantView {  // what a record and an admitted run have in common
  std::uint64_t capabilities = 0;
  run::RunAs run_as{};
  run::Profile profile{};
};

void write_share(JsonWriter& json, std::uint8_t bits) {
  json.key("share").begin_array();
  policy::each_share(bits, [&](std::string_view name) { json.text(name); });
  json.end_array();
}

void write_path(JsonWriter& json, std::string_view path, bool writable) {
  json.begin_object().key("path").text(path).key("writable").boolean(writable).end_object();
}

void write_grant(JsonWriter& json, const GrantView& grant) {
  json.key("capabilities").begin_array();
  policy::each_capability(grant.capabilities, [&](const std::string& name) { json.text(name); });
  json.end_array();
  json.key("run_as").text(policy::name_of(grant.run_as));
  json.key("profile").text(policy::name_of(grant.profile));
}

void write_target(JsonWriter& json, std::string_view runtime, std::string_view container,
                  std::string_view name, std::uint32_t pid) {
  json.key("target").begin_object();
  json.key("runtime").text(runtime).key("container").text(container);
  json.key("name").text(name).key("pid").number(pid).end_object();
}

void write_image(JsonWriter& json, const run::ImageId& image) {
  json.key("image").begin_object();
  json.key("ref").text(image.reference).key("digest").text(image.digest);
  json.key("trust").text(image.trust).end_object();
}

void write_basis(JsonWriter& json, const run::Basis& basis) {
  json.key("function").text(basis.function).key("policy").text(basis.policy);
  json.key("ignored_labels").begin_array();
  // "" has no words: nothing is written then.
  (void)policy::each_word(basis.ignored, [&](std::string_view label) -> base::Status {
    json.text(label);
    return {};
  });
  json.end_array();
}

void write_times(JsonWriter& json, const run::Record& record) {
  json.key("times").begin_object();
  json.key("started_at").number(record.started_at_s);
  json.key("attach_ms").milliseconds(record.attach_us);
  json.key("f_latency_ms").milliseconds(record.f_latency_us);
  json.key("escape_ms").milliseconds(record.escape_us).end_object();
}

void write_exit(JsonWriter& json, const run::Record& record) {
  json.key("exit").begin_object();
  json.key("code").number(record.exit_code);
  json.key("signal").number(record.exit_signal);
  json.key("reason").text(run::name_of(record.reason));
  json.key("message").text(record.message).end_object();
}

void write_residue(JsonWriter& json, const run::Record& record) {
  json.key("residue").begin_object();
  json.key("verified").boolean(record.residue_verified);
  json.key("found").begin_array();
  for (const run::Residue& found : std::span(record.residue).first(record.residue_count)) {
    json.begin_object().key("what").text(found.what).key("detail").text(found.detail);
    json.end_object();
  }
  json.end_array().end_object();
}

void write_limits(JsonWriter& json, const run::Limits& limits) {
  json.key("limits").begin_object();
  json.key("cpu_millis").number(limits.cpu_millis);
  json.key("memory_bytes").number(limits.memory_bytes);
  json.key("pids").number(limits.pids);
  json.key("scratch_bytes").number(limits.scratch_bytes);
  json.key("out_bytes").number(limits.out_bytes);
  json.key("log_bytes").number(limits.log_bytes);
  json.key("deadline_ms").number(limits.deadline_ms);
  json.key("grace_ms").number(limits.grace_ms).end_object();
}

}  // namespace

void write_record(JsonWriter& json, const run::Record& record) {
  json.begin_object();
  json.key("id").text(record.run_id).key("name").text(record.name);
  json.key("requester").text(record.requester);
  write_target(json, record.target.runtime, record.target.container_id, record.target.name,
               record.target.pid);
  write_image(json, record.image);
  write_basis(json, record.basis);
  json.key("command").text(record.command);
  write_share(json, record.share);
  json.key("view").text(policy::name_of(record.view));
  json.key("paths").begin_array();
  for (const run::ViewPath& path : std::span(record.paths).first(record.path_count)) {
    write_path(json, path.path, path.writable);
  }
  json.end_array();
  json.key("grant").begin_object();
  write_grant(json, {record.capabilities, record.run_as, record.profile});
  json.key("uid").number(record.uid);
  json.key("landlocked").boolean(record.landlocked);
  json.end_object();
  write_times(json, record);
  json.key("memory_peak_bytes").number(record.memory_peak_bytes);
  json.key("log_dropped_bytes").number(record.log_dropped_bytes);
  write_exit(json, record);
  write_residue(json, record);
  json.end_object();
}

std::string record_json(const run::Record& record) {
  JsonWriter json;
  write_record(json, record);
  return json.take();
}

std::string admitted_json(const Admitted& run) {
  const targets::Target& target = run.target.target;
  JsonWriter json;
  json.begin_object();
  json.key("requester").text(run.requester);
  write_target(json, target.runtime, target.id, target.name, target.pid);
  write_image(json, {run.image.reference, run.image.digest, run.image.trust});
  write_basis(json, {run.function, run.policy, run.ignored});
  json.key("argv").begin_array();
  for (const std::string& word : run.argv) {
    json.text(word);
  }
  json.end_array();
  json.key("workdir").text(run.workdir);
  write_share(json, run.grant.share);
  json.key("view").text(policy::name_of(run.grant.view));
  json.key("paths").begin_array();
  for (const policy::PathGrant& path : run.grant.paths) {
    write_path(json, path.path, path.writable);
  }
  json.end_array();
  json.key("grant").begin_object();
  write_grant(json, {run.grant.capabilities, run.grant.run_as, run.grant.profile});
  json.end_object();
  write_limits(json, run.limits);
  json.end_object();
  return json.take();
}

}  // namespace recap::capsule
