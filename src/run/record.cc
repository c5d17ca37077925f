// SPDX-License-Identifier: Apache-2.0
#include "run/record.h"

#include "run/fields.h"

namespace recap::run {

namespace {

using base::Error;
using base::Kind;

constexpr std::uint32_t kMagic = 0x52434552;  // "RECR"

void put(Writer& io, std::string_view text) { io.text(text); }
void put(Reader& io, std::string_view& text) { text = io.text(); }

void what_ran(auto& io, auto& record) {
  put(io, record.run_id);
  put(io, record.name);
  put(io, record.requester);
  put(io, record.target.runtime);
  put(io, record.target.container_id);
  put(io, record.target.name);
  put(io, record.target.pid);
  put(io, record.target.start_time);
  put(io, record.image.reference);
  put(io, record.image.digest);
  put(io, record.image.trust);
  put(io, record.basis.function);
  put(io, record.basis.policy);
  put(io, record.basis.ignored);
  put(io, record.command);
  put(io, record.share);
  put_enum(io, record.view, View::kMerged);
  put_enum(io, record.run_as, RunAs::kRoot);
  put(io, record.uid);
  put(io, record.capabilities);
  put_enum(io, record.profile, Profile::kFiles);
  put(io, record.landlocked);
  put(io, record.idmapped);
}

void how_it_went(auto& io, auto& record) {
  put(io, record.started_at_s);
  put(io, record.attach_us);
  put(io, record.f_latency_us);
  put(io, record.escape_us);
  put(io, record.memory_peak_bytes);
  put(io, record.log_dropped_bytes);
  put_enum(io, record.reason, Reason::kFailed);
  put(io, record.exit_code);
  put(io, record.exit_signal);
  put(io, record.message);
  put(io, record.residue_verified);
}

}  // namespace

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::kNotEnded:
      return "NotEnded";
    case Reason::kExited:
      return "Exited";
    case Reason::kDeadline:
      return "DeadlineExceeded";
    case Reason::kStopped:
      return "Stopped";
    case Reason::kCallerGone:
      return "CallerGone";
    case Reason::kTargetGone:
      return "TargetGone";
    case Reason::kOutOfMemory:
      return "OutOfMemory";
    case Reason::kKeeperGone:
      return "KeeperGone";
    case Reason::kFailed:
      return "Failed";
  }
  return "Unknown";
}

base::Result<std::size_t> encode(const Record& record, std::span<std::byte> buffer) {
  Writer writer(buffer);
  writer.number(kMagic);
  writer.number(kRecordVersion);
  what_ran(writer, record);
  how_it_went(writer, record);
  writer.number(static_cast<std::uint32_t>(record.path_count));
  for (std::size_t i = 0; i < record.path_count; ++i) {
    writer.text(record.paths[i].path);
    put(writer, record.paths[i].writable);
  }
  writer.number(static_cast<std::uint32_t>(record.residue_count));
  for (std::size_t i = 0; i < record.residue_count; ++i) {
    writer.text(record.residue[i].what);
    writer.text(record.residue[i].detail);
  }
  if (!writer.ok()) {
    return Error(Kind::kExhausted, "the record exceeds its reserved space");
  }
  return writer.written().size();
}

base::Result<Record> decode_record(std::span<const std::byte> input) {
  Reader reader(input);
  if (reader.number<std::uint32_t>() != kMagic) {
    return Error(Kind::kCorrupt, "the record is damaged, or its run has not ended");
  }
  if (reader.number<std::uint32_t>() != kRecordVersion) {
    return Error(Kind::kUnsupported, "the record was written by another version of RECap");
  }
  Record record;
  what_ran(reader, record);
  how_it_went(reader, record);
  record.path_count = reader.number<std::uint32_t>();
  if (record.path_count > kMaxPaths) {
    return Error(Kind::kCorrupt, "the record is damaged");
  }
  for (std::size_t i = 0; i < record.path_count; ++i) {
    record.paths[i].path = reader.text();
    put(reader, record.paths[i].writable);
  }
  record.residue_count = reader.number<std::uint32_t>();
  if (record.residue_count > kMaxResidue) {
    return Error(Kind::kCorrupt, "the record is damaged");
  }
  for (std::size_t i = 0; i < record.residue_count; ++i) {
    record.residue[i].what = reader.text();
    record.residue[i].detail = reader.text();
  }
  // Reserved space beyond the encoding is not read.
  if (!reader.ok()) {
    return Error(Kind::kCorrupt, "the record is damaged");
  }
  return record;
}

}  // namespace recap::run
