// SPDX-License-Identifier: Apache-2.0
// Admission: from a request, a pinned target and an image in the store to a run that is decided in
// every detail. What comes out is what the keeper is told (stage.h) and what --dry-run shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "capsule/dirs.h"
#include "capsule/request.h"
#include "image/image_user.h"
#include "image/prepared.h"
#include "linux/proc.h"
#include "policy/grant.h"
#include "targets/target.h"

namespace recap::capsule {

struct Admitted {
  std::string run_id;
  std::string name;
  std::string requester;
  std::string function;  // of the catalogue; empty: an image like any other
  std::string policy;    // run::Basis::policy
  std::string ignored;   // run::Basis::ignored
  targets::Pinned target;
  image::PreparedImage image;
  policy::Grant grant;
  linux::Ids target_ids;     // of its first process, which the decision was made for
  bool host_mounts = false;  // the target's mount namespace is the host's; where files are shown
  run::Limits limits;
  std::vector<std::string> argv;
  std::vector<std::string> env;  // NAME=VALUE
  std::string workdir;
  image::ImageUser user;  // inside the image
  bool terminal = false;
  bool detached = false;
  run::OutMode out = run::OutMode::kNone;
  std::uint64_t requested_ns = 0;
};

base::Result<Admitted> admit(const RunRequest& request, targets::Pinned target,
                             image::PreparedImage image, const Dirs& dirs);

// Which of the namespaces `among` (Share bits) process `pid` has in common with the host.
base::Result<std::uint8_t> shares_with_host(std::uint32_t pid, std::uint8_t among);
// The same for the mount namespace.
base::Result<bool> has_mounts_of_host(std::uint32_t pid);

// Docker's rule: `words` replace the image's command, an entrypoint of the request replaces both.
std::vector<std::string> command_line(const RunRequest& request, const image::PreparedImage& image);

// The image's environment over `below`, overridden by the request's; PATH, HOME (`home`) and TERM
// when nobody set them.
std::vector<std::string> environment(const RunRequest& request, const image::PreparedImage& image,
                                     std::string_view home, std::vector<std::string> below = {});

// Where the function starts: what the request says, else what the image says. In the merged view
// the latter only where the image has that directory for itself: shells and interpreters run what
// they find around them.
std::string workdir_of(const RunRequest& request, const image::PreparedImage& image,
                       run::View view);

}  // namespace recap::capsule
