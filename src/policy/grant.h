// SPDX-License-Identifier: Apache-2.0
// The decision what a run may do: what was requested ∩ the ceiling.
//
// A request is made of the user's flags where given, else of the function's defaults, else of
// RECap's own. Nothing is narrowed silently: what the ceiling does not cover is refused with its
// reason, so that a run either has what was asked for or does not start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/capabilities.h"
#include "run/spec.h"

namespace recap::policy {

struct PathGrant {
  std::string path;  // absolute, in the target, without "." and ".."
  bool writable = false;
};

// One side's wishes; what it does not mention is empty.
struct Request {
  std::optional<std::uint8_t> share = {};
  std::optional<run::View> view = {};
  std::optional<std::vector<PathGrant>> paths = {};
  std::optional<CapabilitySet> capabilities = {};
  std::optional<run::RunAs> run_as = {};
  std::optional<run::Profile> profile = {};
};

// What is true of the target, as the host sees it.
struct TargetFacts {
  std::string_view name;
  std::uint8_t host_shares = 0;  // Share bits of the namespaces it has in common with the host
  bool host_mounts = false;      // so has it its mount namespace
  bool root = true;              // its first process is root on the host
};

struct Ceiling {
  CapabilitySet capabilities = grantable_capabilities();
  std::uint8_t share = 0xff;
  bool target_user = true;       // --run-as target
  bool root_user = true;         // --run-as root, and --run-as target where that is root
  bool host_namespaces = false;  // join namespaces, and see files, that are the host's too
};

// Root on this node, by its flags: everything that is grantable at all.
Ceiling root_ceiling(bool allow_host_namespaces);

struct Grant {
  std::uint8_t share = 0;
  run::View view = run::View::kNothing;
  std::vector<PathGrant> paths;
  CapabilitySet capabilities = kNoCapability;
  run::RunAs run_as = run::RunAs::kReserved;
  run::Profile profile = run::Profile::kRestricted;
};

inline constexpr std::uint8_t kDefaultShare =
    run::kShareNet | run::kSharePid | run::kShareIpc | run::kShareUts;

// Joining these where they are the host's shows every process or socket of the node, so it needs
// consent. The uts namespace holds two names and needs none.
inline constexpr std::uint8_t kHostSensitive = run::kShareNet | run::kSharePid | run::kShareIpc;

// Whether `grant` shows files of the target.
bool shows_files(const Grant& grant);

base::Result<Grant> decide(const Request& user, const Request& function, const TargetFacts& target,
                           const Ceiling& ceiling);

// `path` as a PathGrant wants it: "/var//log/" → "/var/log". kInvalid when relative, when it has
// "..", or when it is the root itself.
base::Result<std::string> clean_path(std::string_view path);

}  // namespace recap::policy
