// SPDX-License-Identifier: Apache-2.0
// What stays of a run: one record, written by the keeper as the last thing it does, into space
// reserved before the function started. Its JSON form is made by callers (capsule/record_json).
//
// Storage: record_dir/RUN, the encoding below. Views of a decoded Record point into its input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "run/spec.h"

namespace recap::run {

inline constexpr std::uint32_t kRecordVersion = 2;
inline constexpr std::size_t kMaxRecordBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMaxResidue = 32;
inline constexpr std::size_t kMaxMessageBytes = 512;
inline constexpr std::size_t kMaxResidueBytes = 300;  // of one detail

// What the outcome may add to a record that says what runs: the message, and the residue with its
// classes and lengths.
inline constexpr std::size_t kMaxOutcomeBytes =
    kMaxMessageBytes + kMaxResidue * (kMaxResidueBytes + 32);

// Why a run ended.
enum class Reason : std::uint8_t {
  kNotEnded,     // no Escape was seen: the record of a run that lives, or whose keeper died
  kExited,       // the function ended by itself (also when a signal of its own making ended it)
  kDeadline,     // --timeout
  kStopped,      // recap stop, Ctrl-C, a closed terminal
  kCallerGone,   // recap was killed
  kTargetGone,   // the target ended
  kOutOfMemory,  // the run's own memory limit
  kKeeperGone,   // the keeper was killed; a later one cleaned up
  kFailed,       // RECap could not start it: see message
};

std::string_view name_of(Reason reason);  // "Exited", "DeadlineExceeded", "TargetGone", …

struct Residue {
  // process, zombie, cgroup, mount, memory, ipc, file, stopped, network, unverified
  std::string_view what;
  std::string_view detail;
};

struct Record {
  std::string_view run_id, name, requester;
  TargetId target;
  ImageId image;
  Basis basis;
  std::string_view command;  // argv joined by blanks, for people; cut at 512 bytes
  std::uint8_t share = 0;
  View view = View::kNothing;
  std::array<ViewPath, kMaxPaths> paths{};
  std::size_t path_count = 0;
  RunAs run_as = RunAs::kReserved;
  std::uint32_t uid = 0;  // as the host sees the function
  std::uint64_t capabilities = 0;
  Profile profile = Profile::kRestricted;
  bool landlocked = false;
  std::uint64_t idmapped = 0;  // 1: image files belong to the run's uid

  std::int64_t started_at_s = 0;   // wall clock, Unix seconds
  std::uint64_t attach_us = 0;     // request → the function's exec
  std::uint64_t f_latency_us = 0;  // request → the answer leaves the keeper
  std::uint64_t escape_us = 0;     // the function's end → Escape verified
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t log_dropped_bytes = 0;

  Reason reason = Reason::kNotEnded;
  std::int32_t exit_code = 0;    // what the caller exits with
  std::int32_t exit_signal = 0;  // of the function; 0 when it exited
  std::string_view message;      // one sentence, for kFailed and for warnings
  bool residue_verified = false;
  std::array<Residue, kMaxResidue> residue{};
  std::size_t residue_count = 0;
};

// The bytes used; kExhausted when `buffer` is too small.
base::Result<std::size_t> encode(const Record& record, std::span<std::byte> buffer);
// kCorrupt when damaged or not written yet, kUnsupported for another version.
base::Result<Record> decode_record(std::span<const std::byte> input);

}  // namespace recap::run
