// SPDX-License-Identifier: Apache-2.0
// decide() is the list of rules in the order in which they are checked; each rule is one function.
#include "policy/grant.h"

#include <linux/capability.h>

#include "policy/words.h"

namespace recap::policy {
namespace {

base::Error denied(std::string_view message) { return {base::Kind::kDenied, message}; }

template <typename T>
T chosen(const std::optional<T>& user, const std::optional<T>& function, const T& otherwise) {
  return user ? *user : function ? *function : otherwise;
}

// Without a word about it, the filter follows from what is granted: a capability whose system calls
// are filtered away would be of no use.
run::Profile profile_for(const Grant& grant) {
  const CapabilitySet net = capability(CAP_NET_RAW) | capability(CAP_NET_ADMIN);
  const CapabilitySet files = capability(CAP_CHOWN) | capability(CAP_DAC_OVERRIDE) |
                              capability(CAP_DAC_READ_SEARCH) | capability(CAP_FOWNER) |
                              capability(CAP_FSETID);
  if ((grant.capabilities & capability(CAP_SYS_PTRACE)) != 0) {
    return run::Profile::kTrace;
  }
  if ((grant.capabilities & net) != 0) {
    return run::Profile::kNet;
  }
  bool writable = false;
  for (const PathGrant& path : grant.paths) {
    writable = writable || path.writable;
  }
  return writable || (grant.capabilities & files) != 0 ? run::Profile::kFiles
                                                       : run::Profile::kRestricted;
}

base::Status user_within_ceiling(const Grant& grant, const TargetFacts& target,
                                 const Ceiling& ceiling) {
  if (grant.run_as == run::RunAs::kRoot && !ceiling.root_user) {
    return denied("policy does not allow to run as root: leave out --run-as root");
  }
  if (grant.run_as != run::RunAs::kTarget) {
    return {};
  }
  if (!ceiling.target_user) {
    return denied("policy does not allow the target's user: leave out --run-as target");
  }
  if (target.root && !ceiling.root_user) {
    return denied(
        "the target's user is root, which policy does not allow: leave out --run-as "
        "target");
  }
  return {};
}

base::Status within_ceiling(const Grant& grant, const Ceiling& ceiling) {
  if (const CapabilitySet above = grant.capabilities & ~ceiling.capabilities; above != 0) {
    return denied(base::concat<300>("policy does not allow ", to_text(above)));
  }
  if (const auto above = static_cast<std::uint8_t>(grant.share & ~ceiling.share); above != 0) {
    return denied(base::concat<300>("policy does not allow to share ", share_text(above)));
  }
  return {};
}

// The target's own processes could be traced into running what lies in the merged root, and that
// root shows files that the target may swap at any time.
base::Status no_ptrace_over_merged(const Grant& grant) {
  if (grant.view == run::View::kMerged && (grant.capabilities & capability(CAP_SYS_PTRACE)) != 0) {
    return denied(
        "SYS_PTRACE is never granted together with --view merged: use --view target instead");
  }
  // That profile goes without Landlock, which keeps the target's programs from being executed.
  if (grant.view == run::View::kMerged && grant.profile == run::Profile::kTrace) {
    return denied("--profile trace does not go with --view merged: use --view target instead");
  }
  return {};
}

base::Status no_host_namespace(const Grant& grant, const TargetFacts& target,
                               const Ceiling& ceiling) {
  const auto host = static_cast<std::uint8_t>(grant.share & target.host_shares & kHostSensitive);
  if (host == 0 || ceiling.host_namespaces) {
    return {};
  }
  const auto rest = static_cast<std::uint8_t>(grant.share & ~host);
  return denied(base::concat<400>("'", target.name.substr(0, 64), "' lives in the host's own ",
                                  share_text(host),
                                  " namespace: add --allow-host-namespaces to join it all the "
                                  "same, or leave it out with --share ",
                                  share_text(rest)));
}

// There the target's files are the host's, whatever it is that the user calls the target.
base::Status no_host_files(const Grant& grant, const TargetFacts& target, const Ceiling& ceiling) {
  if (!target.host_mounts || !shows_files(grant) || ceiling.host_namespaces) {
    return {};
  }
  return denied(base::concat<400>("'", target.name.substr(0, 64),
                                  "' lives in the host's own mnt namespace, so its files are the "
                                  "host's: add --allow-host-namespaces to see them all the same, "
                                  "or leave out --view and --path"));
}

}  // namespace

bool shows_files(const Grant& grant) {
  return grant.view != run::View::kNothing || !grant.paths.empty();
}

Ceiling root_ceiling(bool allow_host_namespaces) {
  Ceiling ceiling;
  ceiling.host_namespaces = allow_host_namespaces;
  return ceiling;
}

base::Result<Grant> decide(const Request& user, const Request& function, const TargetFacts& target,
                           const Ceiling& ceiling) {
  Grant grant;
  grant.share = chosen(user.share, function.share, kDefaultShare);
  grant.view = chosen(user.view, function.view, run::View::kNothing);
  grant.paths = chosen(user.paths, function.paths, {});
  grant.capabilities = chosen(user.capabilities, function.capabilities, kNoCapability);
  grant.run_as = chosen(user.run_as, function.run_as, run::RunAs::kReserved);
  if (user.profile) {
    grant.profile = *user.profile;
  } else if (function.profile && !user.capabilities) {
    grant.profile = *function.profile;
  } else {
    grant.profile = profile_for(grant);
  }
  if (grant.paths.size() > run::kMaxPaths) {
    return base::Error(base::Kind::kInvalid, "at most 32 paths can be declared for one run");
  }
  for (base::Status rule :
       {within_ceiling(grant, ceiling), user_within_ceiling(grant, target, ceiling),
        no_ptrace_over_merged(grant), no_host_namespace(grant, target, ceiling),
        no_host_files(grant, target, ceiling)}) {
    if (!rule) {
      return std::move(rule).error();
    }
  }
  return grant;
}

base::Result<std::string> clean_path(std::string_view path) {
  if (!path.starts_with('/')) {
    return base::Error(
        base::Kind::kInvalid,
        base::concat<400>("'", path.substr(0, 200), "' is not an absolute path of the target"));
  }
  std::string clean;
  while (!path.empty()) {
    const std::size_t start = path.find_first_not_of('/');
    path.remove_prefix(start == std::string_view::npos ? path.size() : start);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part == "..") {
      return base::Error(base::Kind::kInvalid, "a path of the target must not have '..' in it");
    }
    if (!part.empty() && part != ".") {
      clean.append("/").append(part);
    }
  }
  if (clean.empty()) {
    return base::Error(base::Kind::kInvalid,
                       "'/' is the target's whole root: use --view target to see it");
  }
  if (clean.size() >= 4096) {
    return base::Error(base::Kind::kInvalid, "a path of the target is longer than 4095 bytes");
  }
  return clean;
}

}  // namespace recap::policy
