// SPDX-License-Identifier: Apache-2.0
#include "engine/mount_point.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/fixed_string.h"
#include "linux/fs.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using linux::UniqueFd;

constexpr int kDirectory = O_PATH | O_DIRECTORY;

Error leads_through_link(std::string_view path) {
  return {Kind::kDenied, base::concat<400>(path.substr(0, 300),
                                           " leads through a symbolic link of the target: declare "
                                           "what it leads to")
                             .view()};
}

// Resolves what is there already.
Result<UniqueFd> open_place(int root, const char* path, int flags, RootOf of) {
  if (of == RootOf::kImage) {
    auto found = linux::open_in_mount(root, path, flags);
    if (found || found.error().errno_value() != EXDEV) {
      return found;
    }
  }
  auto found = linux::open_in_root_without_links(root, path, flags);
  if (!found && found.error().errno_value() == ELOOP) {
    return leads_through_link(path);
  }
  return found;
}

Result<bool> are_in_one_mount(int a, int b) {
  constexpr int kHow = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  const struct statx one = RECAP_TRY(linux::stat_at(a, "", kHow));
  const struct statx other = RECAP_TRY(linux::stat_at(b, "", kHow));
  return one.stx_mnt_id == other.stx_mnt_id;
}

struct Walk {
  int root;
  RootOf of;
  UniqueFd dir;  // where it is
  bool in_target = false;
};

// `so_far` is the path from the root to `name`, which stands in the walk's directory.
base::Status enter(Walk& walk, const char* name, std::string_view so_far) {
  auto found = linux::open_step(walk.dir.get(), name, kDirectory);
  if (!found && found.error().kind() == Kind::kNotFound && !walk.in_target) {
    RECAP_TRY(linux::make_dir_at(walk.dir.get(), name, 0755));
    found = linux::open_step(walk.dir.get(), name, kDirectory);
  }
  if (found || found.error().kind() == Kind::kNotFound) {
    walk.dir = RECAP_TRY(std::move(found));
    return {};
  }
  // Another mount, the way up, or a link.
  const base::FixedString<4096> whole(so_far);
  walk.dir = RECAP_TRY(open_place(walk.root, whole.c_str(), kDirectory, walk.of));
  walk.in_target = !RECAP_TRY(are_in_one_mount(walk.root, walk.dir.get()));
  return {};
}

// Opens the directory `path` of `root`, making what is missing. Each component is opened from the
// one before: an image may name a path of thousands, and walking all of it for each takes minutes.
Result<UniqueFd> make_directories(int root, std::string_view path, RootOf of) {
  Walk walk{.root = root, .of = of, .dir = RECAP_TRY(linux::open_at(root, ".", kDirectory))};
  std::string_view rest = path;
  while (true) {
    while (rest.starts_with('/')) {
      rest.remove_prefix(1);
    }
    if (rest.empty()) {
      return std::move(walk.dir);
    }
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const base::FixedString<255> name(std::string_view(rest.data(), end));
    rest.remove_prefix(end);
    if (name.truncated()) {
      return Error(Kind::kInvalid, "a path is too long");
    }
    RECAP_TRY(enter(walk, name.c_str(), std::string_view(path.data(), path.size() - rest.size())));
  }
}

}  // namespace

Result<UniqueFd> make_mount_point(int root, std::string_view path, RootOf of) {
  const base::FixedString<4096> whole(path);
  auto found = open_place(root, whole.c_str(), kDirectory, of);
  if (found || found.error().kind() != Kind::kNotFound) {
    return found;
  }
  return make_directories(root, path, of);
}

Result<UniqueFd> make_mount_point_file(int root, std::string_view path, RootOf of) {
  const base::FixedString<4096> whole(path);
  auto found = open_place(root, whole.c_str(), O_PATH, of);
  if (found || found.error().kind() != Kind::kNotFound) {
    return found;
  }
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return Error(Kind::kInvalid, "a path must be absolute");
  }
  const UniqueFd parent =
      RECAP_TRY(make_directories(root, std::string_view(path.data(), slash), of));
  const char* name = whole.c_str() + slash + 1;
  if (!RECAP_TRY(are_in_one_mount(root, parent.get()))) {
    return found;
  }
  RECAP_TRY(linux::open_at(parent.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  return linux::open_at(parent.get(), name, O_PATH | O_NOFOLLOW);
}

Result<UniqueFd> make_own_directory(int root, const char* name) {
  auto found = linux::open_at(root, name, kDirectory | O_NOFOLLOW);
  if (found) {
    return found;
  }
  if (found.error().kind() != Kind::kNotFound) {
    RECAP_TRY(linux::unlink_at(root, name));
  }
  RECAP_TRY(linux::make_dir_at(root, name, 0755));
  return linux::open_at(root, name, kDirectory | O_NOFOLLOW);
}

Result<UniqueFd> open_without_links(int root, const char* path) {
  return open_place(root, path, O_PATH, RootOf::kImageAndTarget);
}

}  // namespace recap::engine
