// SPDX-License-Identifier: Apache-2.0
// How overlayfs writes down changes (Documentation/filesystems/overlayfs.rst): a deleted name is a
// character device 0:0; what was copied up carries the xattr trusted.overlay.origin (or user.…);
// all the rest is new, or replaced a name of a layer below.
#include "cli/layer_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>

#include "base/fixed_string.h"
#include "linux/fs.h"

namespace recap::cli {
namespace {

using base::Result;
using base::Status;

constexpr unsigned kPathOnly = O_PATH | O_NOFOLLOW | O_CLOEXEC;

bool is_whiteout(const struct statx& info) {
  return S_ISCHR(info.stx_mode) && info.stx_rdev_major == 0 && info.stx_rdev_minor == 0;
}

// The change time: nobody can set it, and a copy-up or a rename makes it anew.
std::int64_t changed_ns(const struct statx& info) {
  return info.stx_ctime.tv_sec * 1'000'000'000 + info.stx_ctime.tv_nsec;
}

// An O_PATH descriptor has no xattr calls of its own; its name in procfs has, and that name leads
// to the very file, not through its path.
bool was_copied_up(int file) {
  const auto name = base::concat<40>("/proc/self/fd/", file);
  return ::getxattr(name.c_str(), "trusted.overlay.origin", nullptr, 0) >= 0 ||
         ::getxattr(name.c_str(), "user.overlay.origin", nullptr, 0) >= 0;
}

// What the keeper makes in every Capsule; such a name is a change only if it was touched later.
bool is_made_for_run(std::string_view path) {
  constexpr std::string_view kMade[] = {
      "/dev",       "/proc",       "/sys",      "/out",
      "/target",    "/root",       "/etc",      "/etc/resolv.conf",
      "/etc/hosts", "/etc/passwd", "/etc/group"};
  return std::ranges::find(kMade, path) != std::end(kMade);
}

class Walk {
 public:
  Walk(const LowerLayers& lower, std::int64_t since_ns) : lower_(lower), since_ns_(since_ns) {}

  Status directory(int dir, const std::string& path, std::size_t depth) {
    if (depth > kMaxDepth) {
      changes_.cut = true;
      return {};
    }
    std::vector<std::string> names;
    RECAP_TRY(linux::each_entry(dir, [&](const char* name, unsigned char) {
      names.emplace_back(name);
      return names.size() <= kMaxChanges;
    }));
    std::ranges::sort(names);
    for (const std::string& name : names) {
      if (changes_.found.size() >= kMaxChanges) {
        changes_.cut = true;
        break;
      }
      RECAP_TRY(entry(dir, name, path + "/" + name, depth));
    }
    return {};
  }

  Changes take() { return std::move(changes_); }

 private:
  // What vanishes while the function works on it is no change any more.
  Status entry(int dir, const std::string& name, const std::string& path, std::size_t depth) {
    const auto file = linux::open_beneath(dir, name.c_str(), kPathOnly);
    if (!file) {
      return {};
    }
    const auto info = linux::stat_at(file->get(), "", AT_EMPTY_PATH);
    if (!info) {
      return {};
    }
    if (!is_made_for_run(path) || changed_ns(*info) > since_ns_) {
      const bool below = was_copied_up(file->get()) || lower_.have(path);
      changes_.found.push_back({is_whiteout(*info) ? 'D' : below ? 'C' : 'A', path});
    }
    if (!S_ISDIR(info->stx_mode)) {
      return {};
    }
    const auto readable =
        linux::open_beneath(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return readable ? directory(readable->get(), path, depth + 1) : Status{};
  }

  const LowerLayers& lower_;
  std::int64_t since_ns_;
  Changes changes_;
};

}  // namespace

LowerLayers::LowerLayers(std::span<const std::string_view> host_paths) {
  for (const std::string_view path : host_paths) {
    auto root = linux::open_at(linux::kCwd, std::string(path).c_str(), O_PATH | O_DIRECTORY);
    if (root) {
      roots_.push_back(*std::move(root));
    }
  }
}

bool LowerLayers::have(const std::string& path) const {
  // Without following links: a link in a layer leads to a name in another one.
  const char* const relative = path.c_str() + 1;
  for (const linux::UniqueFd& root : roots_) {
    const auto file = linux::open_beneath(root.get(), relative, kPathOnly);
    if (!file) {
      if (file.error().kind() == base::Kind::kNotFound) {
        continue;
      }
      return false;  // a parent is a whiteout, a file or a link here: it hides the layers below
    }
    const auto info = linux::stat_at(file->get(), "", AT_EMPTY_PATH);
    return info && !is_whiteout(*info);
  }
  return false;
}

Result<Changes> walk_upper(int upper, const LowerLayers& lower, std::int64_t since_ns) {
  // The keeper's descriptor is O_PATH: reading the directory needs one of our own.
  const auto dir = RECAP_TRY(linux::open_at(upper, ".", O_RDONLY | O_DIRECTORY));
  Walk walk(lower, since_ns);
  RECAP_TRY(walk.directory(dir.get(), "", 0));
  return walk.take();
}

}  // namespace recap::cli
