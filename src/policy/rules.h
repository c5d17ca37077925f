// SPDX-License-Identifier: Apache-2.0
// The rules of one CapsulePolicy: what it allows, and whether a run that is decided in every detail
// stays within it. What was asked for is refused or granted, never narrowed, but for the deadline.
//
// What an administrator does not mention has the kind's default, which is narrow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/grant.h"
#include "run/spec.h"

namespace recap::policy {

struct Allowed {
  std::uint8_t share = kDefaultShare;
  std::vector<run::View> views{run::View::kNothing};
  std::vector<std::string> read_paths{"/"}, write_paths;  // these, and what is below them
  CapabilitySet capabilities = kNoCapability;
  std::vector<run::RunAs> run_as{run::RunAs::kReserved};
  bool host_namespaces = false, privileged_targets = false;
};

// Of one run; nothing: no limit of the policy's own.
struct Most {
  std::optional<std::uint64_t> cpu_millis, memory_bytes, pids, scratch_bytes, artifact_bytes;
  std::optional<std::int64_t> deadline_s;
};

struct Rules {
  const std::vector<std::string>& functions;  // "*": all of the catalogue
  const std::vector<std::string>& images;     // with a digest, or the beginning of one and "*"
  const Allowed& allow;
  const Most& max;
};

// A run, and what the node sees of its target.
struct Wanted {
  std::string_view function;  // of the catalogue, or empty
  std::string_view reference, digest;
  const Grant& grant;
  const run::Limits& limits;
  bool keeps_artifacts = false;
  std::uint8_t host_shares = 0;       // namespaces that the target has in common with the host
  bool host_mounts = false;           // its mount namespace too
  bool target_is_privileged = false;  // it could leave its container anyway
  bool target_is_root = false;        // its first process runs as uid 0 of the host
};

// The first rule that `wanted` breaks, as part of a sentence; nothing when it keeps all.
std::optional<std::string> refusal_of(const Rules& rules, const Wanted& wanted);

// Where no cpu limit was asked for, the policy's own holds; where it has a deadline a longer one is
// cut, but that of what has no end by itself, and the grace after it to half a minute.
void cut_limits(const Most& max, bool is_endless, run::Limits& limits);

// Whether `word` is in `list`, or "*" is.
bool is_listed(const std::vector<std::string>& list, std::string_view word);

}  // namespace recap::policy
