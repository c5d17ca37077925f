// SPDX-License-Identifier: Apache-2.0
#include "run/spec.h"

#include "run/wire.h"

namespace recap::run {

namespace {

using base::Error;
using base::Kind;

constexpr std::uint32_t kMagic = 0x50434552;  // "RECP"

// encode() and decode() walk the same fields in the same order: `Io` is a Writer or a Reader.
void number_field(Writer& io, const auto& value) { io.number(value); }
template <typename T>
void number_field(Reader& io, T& value) {
  value = io.number<T>();
}
void text_field(Writer& io, std::string_view value) { io.text(value); }
void text_field(Reader& io, std::string_view& value) { value = io.text(); }
void flag_field(Writer& io, bool value) { io.number(static_cast<std::uint8_t>(value)); }
void flag_field(Reader& io, bool& value) { value = io.number<std::uint8_t>() != 0; }
template <typename E>
void enum_field(Writer& io, const E& value, E /*last*/) {
  io.number(static_cast<std::uint8_t>(value));
}
template <typename E>
void enum_field(Reader& io, E& value, E last) {
  const auto raw = io.number<std::uint8_t>();
  if (raw > static_cast<std::uint8_t>(last)) {
    return io.reject();
  }
  value = static_cast<E>(raw);
}

void target_fields(auto& io, auto& target) {
  text_field(io, target.runtime);
  text_field(io, target.container_id);
  text_field(io, target.name);
  number_field(io, target.pid);
  number_field(io, target.start_time);
}

void limit_fields(auto& io, auto& limits) {
  number_field(io, limits.cpu_millis);
  number_field(io, limits.memory_bytes);
  number_field(io, limits.pids);
  number_field(io, limits.scratch_bytes);
  number_field(io, limits.out_bytes);
  number_field(io, limits.log_bytes);
  number_field(io, limits.deadline_ms);
  number_field(io, limits.grace_ms);
}

void scalar_fields(auto& io, auto& spec) {
  text_field(io, spec.run_id);
  text_field(io, spec.name);
  text_field(io, spec.requester);
  text_field(io, spec.state_dir);
  text_field(io, spec.record_dir);
  text_field(io, spec.cgroup_parent);
  target_fields(io, spec.target);
  text_field(io, spec.image.reference);
  text_field(io, spec.image.digest);
  text_field(io, spec.image.trust);
  text_field(io, spec.basis.function);
  text_field(io, spec.basis.policy);
  text_field(io, spec.basis.ignored);
  number_field(io, spec.share);
  enum_field(io, spec.view, View::kMerged);
  text_field(io, spec.workdir);
  enum_field(io, spec.run_as, RunAs::kRoot);
  number_field(io, spec.target_uid);
  number_field(io, spec.target_gid);
  number_field(io, spec.image_uid);
  number_field(io, spec.image_gid);
  number_field(io, spec.capabilities);
  enum_field(io, spec.profile, Profile::kFiles);
  limit_fields(io, spec.limits);
  flag_field(io, spec.terminal);
  flag_field(io, spec.detached);
  number_field(io, spec.rows);
  number_field(io, spec.columns);
  enum_field(io, spec.out, OutMode::kFile);
  number_field(io, spec.requested_ns);
}

// A count that must not exceed `limit`; a larger one makes the input invalid.
std::size_t read_count(Reader& reader, std::size_t limit, bool& ok) {
  const auto count = reader.number<std::uint32_t>();
  ok = ok && count <= limit;
  return ok ? count : 0;
}

}  // namespace

base::Result<std::size_t> encode(const Spec& spec, std::span<std::byte> buffer) {
  if (spec.layer_count > kMaxLayers || spec.path_count > kMaxPaths ||
      spec.group_count > kMaxGroups || spec.argv.empty() || spec.argv.size() > kMaxWords ||
      spec.envp.size() > kMaxWords) {
    return Error(Kind::kInvalid,
                 "the run has too many layers, paths, arguments or variables: use fewer");
  }
  Writer writer(buffer);
  writer.number(kMagic);
  writer.number(kSpecVersion);
  scalar_fields(writer, spec);
  writer.number(static_cast<std::uint32_t>(spec.layer_count));
  for (std::size_t i = 0; i < spec.layer_count; ++i) {
    writer.text(spec.layers[i]);
  }
  writer.number(static_cast<std::uint32_t>(spec.path_count));
  for (std::size_t i = 0; i < spec.path_count; ++i) {
    writer.text(spec.paths[i].path);
    flag_field(writer, spec.paths[i].writable);
  }
  writer.number(static_cast<std::uint32_t>(spec.group_count));
  for (std::size_t i = 0; i < spec.group_count; ++i) {
    writer.number(spec.groups[i]);
  }
  for (const std::span<std::string_view> words : {spec.argv, spec.envp}) {
    writer.number(static_cast<std::uint32_t>(words.size()));
    for (const std::string_view word : words) {
      writer.text(word);
    }
  }
  if (!writer.ok() || writer.written().size() > kMaxSpecBytes) {
    return Error(
        Kind::kInvalid,
        "the arguments and variables of the run are longer than 4 MiB: give them in a file");
  }
  return writer.written().size();
}

base::Result<Spec> decode(std::span<const std::byte> input, std::span<std::string_view> words) {
  Reader reader(input);
  if (reader.number<std::uint32_t>() != kMagic) {
    return Error(Kind::kCorrupt, "the run's specification is damaged");
  }
  const auto version = reader.number<std::uint32_t>();
  if (reader.ok() && version != kSpecVersion) {
    return Error(Kind::kUnsupported, "the run's specification has another version than the keeper");
  }
  Spec spec;
  bool counts_ok = true;
  scalar_fields(reader, spec);
  spec.layer_count = read_count(reader, kMaxLayers, counts_ok);
  for (std::size_t i = 0; i < spec.layer_count; ++i) {
    spec.layers[i] = reader.text();
  }
  spec.path_count = read_count(reader, kMaxPaths, counts_ok);
  for (std::size_t i = 0; i < spec.path_count; ++i) {
    spec.paths[i].path = reader.text();
    flag_field(reader, spec.paths[i].writable);
  }
  spec.group_count = read_count(reader, kMaxGroups, counts_ok);
  for (std::size_t i = 0; i < spec.group_count; ++i) {
    spec.groups[i] = reader.number<std::uint32_t>();
  }
  for (auto* list : {&spec.argv, &spec.envp}) {
    const std::size_t count = read_count(reader, std::min(kMaxWords, words.size()), counts_ok);
    *list = words.first(count);
    words = words.subspan(count);
    for (std::string_view& word : *list) {
      word = reader.text();
    }
  }
  if (!counts_ok || !reader.at_end() || spec.argv.empty()) {
    return Error(Kind::kCorrupt, "the run's specification is damaged");
  }
  return spec;
}

}  // namespace recap::run
