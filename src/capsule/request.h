// SPDX-License-Identifier: Apache-2.0
// A request: what somebody wants to have run, before anything was looked up or decided.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/grant.h"
#include "run/spec.h"

namespace recap::capsule {

// What a run gets when nobody says otherwise. `--help` prints these.
inline constexpr run::Limits kDefaultLimits = {
    .cpu_millis = 0,
    .memory_bytes = std::uint64_t{256} << 20,
    .pids = 64,
    .scratch_bytes = std::uint64_t{64} << 20,
    .out_bytes = std::uint64_t{256} << 20,
    .log_bytes = std::uint64_t{1} << 20,
    .deadline_ms = 0,
    .grace_ms = 5000,
};

// Less is refused: the kernel would end the function, or what starts it, before its first
// instruction.
inline constexpr std::uint64_t kMinMemoryBytes = std::uint64_t{1} << 20;

inline constexpr const char* kDefaultFunction = "toolbox";

// Limits that somebody named, as run::Limits has them; what is empty is the function's own, else
// kDefaultLimits.
struct LimitRequest {
  std::optional<std::uint32_t> cpu_millis = {}, pids = {};
  std::optional<std::uint64_t> memory_bytes = {}, scratch_bytes = {}, out_bytes = {};
  std::optional<std::uint64_t> deadline_ms = {}, grace_ms = {};
};

// When an image is fetched, and not taken as the store has it.
enum class Pull : std::uint8_t { kMissing, kAlways, kNever };

struct RunRequest {
  std::string image;               // a function's name or an image reference
  std::string target;              // as targets::find takes it
  std::vector<std::string> words;  // after `--`: instead of the image's command
  std::string name;                // empty: the run's id
  std::uint64_t requested_ns = 0;  // CLOCK_MONOTONIC when it came in

  policy::Request grant;
  bool allow_host_namespaces = false;
  LimitRequest limits;

  bool interactive = false;         // -i
  bool terminal = false;            // -t
  bool detached = false;            // -d
  std::optional<std::string> user;  // instead of the image's USER, written in the same way
  std::optional<std::string> entrypoint;
  std::optional<std::string> workdir;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> env_from_target;  // names; see target_env.h

  std::string out;     // DIR, FILE or "-"; empty: artifacts are dropped
  std::string report;  // FILE
};

}  // namespace recap::capsule
