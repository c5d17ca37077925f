// SPDX-License-Identifier: Apache-2.0
// USER of an image, or who is asked for instead, as numbers. Names are looked up in the image's own
// passwd and group only, never in this host's, and what consists of digits is a number and nothing
// else.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::image {

struct ImageUser {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;  // supplementary

  bool operator==(const ImageUser&) const = default;
};

// 0 … 2^32-2 in plain decimal: no sign, no space, no leading zero. 2^32-1 is "no id" to the kernel.
std::optional<std::uint32_t> parse_id(std::string_view text);

// `user` is "", NAME, UID, and each of them with :GROUP or :GID. As Docker does it: without a group
// it is the passwd entry's, and the groups are those that list the user; with one there are no
// others.
base::Result<ImageUser> resolve_user(std::string_view user, std::string_view passwd,
                                     std::string_view group);

// The file `path` (etc/passwd) as the image's overlay shows it: from the topmost layer that has it,
// "" when none does. kInvalid when it is no regular file or larger than 1 MiB.
base::Result<std::string> read_image_file(std::span<const linux::DirFd> layers_top_first,
                                          const std::string& directory, const std::string& name);

// resolve_user() with the passwd and group of the image whose layers these are.
base::Result<ImageUser> resolve_user_in(std::span<const linux::DirFd> layers_top_first,
                                        std::string_view user);

}  // namespace recap::image
