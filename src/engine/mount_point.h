// SPDX-License-Identifier: Apache-2.0
// Where something is mounted in the Capsule's root.
//
// What of a path is the image's is ours: its links are followed (inside the root), and what is
// missing is made. What is the target's, which may change it at any moment, is not: no symbolic
// link there is followed, and nothing is made there. Theirs is what lies in a mount other than the
// root's, and in the merged view, where the root has the target's files too, everything.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "linux/unique_fd.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;

enum class RootOf : std::uint8_t { kImage, kImageAndTarget };
inline RootOf root_of(const run::Spec& spec) {
  return spec.view == run::View::kMerged ? RootOf::kImageAndTarget : RootOf::kImage;
}

// O_PATH on the directory, or the file, at the absolute `path` below `root`. kDenied where a link
// would have to be followed that is not the image's; kNotFound where it would have to be made in
// the target.
Result<linux::UniqueFd> make_mount_point(int root, std::string_view path, RootOf of);
Result<linux::UniqueFd> make_mount_point_file(int root, std::string_view path, RootOf of);

// For what is the engine's own place (/proc, /dev, /out …): a directory right below `root`,
// whatever an image or a target had put there. A symbolic link would lead the engine's mount
// elsewhere, and leave its own path to be faked.
Result<linux::UniqueFd> make_own_directory(int root, const char* name);

// O_PATH on `path` of the target, whose root is `root`, without following a link: kDenied says so.
Result<linux::UniqueFd> open_without_links(int root, const char* path);

}  // namespace recap::engine
