// SPDX-License-Identifier: Apache-2.0
#include "engine/target_files.h"

#include <fcntl.h>

#include "engine/rootfs.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using linux::MountAttr;

constexpr std::uint64_t kViewAttributes =
    MountAttr::kReadOnly | MountAttr::kNoSuid | MountAttr::kNoDev | MountAttr::kNoExec;

// What a view shows are files that somebody stored; these are the kernel's own.
constexpr std::string_view kKernelTypes[] = {
    "proc",    "sysfs",    "cgroup",    "cgroup2",     "devpts",   "mqueue",    "devtmpfs",
    "debugfs", "bpf",      "tracefs",   "securityfs",  "configfs", "fusectl",   "pstore",
    "autofs",  "efivarfs", "hugetlbfs", "binfmt_misc", "nsfs",     "rpc_pipefs"};

bool is_shown(std::string_view type) {
  if (type.starts_with("fuse")) {
    return false;
  }
  for (const std::string_view kernel : kKernelTypes) {
    if (type == kernel) {
      return false;
    }
  }
  return true;
}

// mountinfo writes blank, tab, newline and backslash as \ooo.
// The unescaped text is never longer, and the byte after it is the blank that ended the field.
const char* unescape_in_place(char* text, std::size_t size) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (text[i] == '\\' && i + 3 < size) {
      text[out++] = static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0'));
      i += 3;
    } else {
      text[out++] = text[i];
    }
  }
  text[out] = '\0';
  return text;
}

Status clone_at(int root, const char* path, std::uint64_t attributes, bool recursive,
                TargetTree& tree) {
  const linux::UniqueFd found = RECAP_TRY(linux::open_in_root(root, path, O_PATH));
  // Without asking the file system, which may be a file server that never answers.
  const struct statx st = RECAP_TRY(
      linux::stat_at(found.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC));
  if (!S_ISDIR(st.stx_mode) && !S_ISREG(st.stx_mode)) {
    return Error(
        Kind::kInvalid,
        base::concat<400>(path, " in the target is neither a file nor a directory").view());
  }
  tree.directory = S_ISDIR(st.stx_mode);
  tree.path = path;
  tree.tree = RECAP_TRY(linux::clone_tree(found.get(), recursive && tree.directory));
  return linux::set_attributes(tree.tree.get(), attributes, recursive && tree.directory);
}

// A volume is data too only where the target's root is.
bool is_shown_merged(const TargetTree& volume, const OwnPlaces& own) {
  std::string_view name = volume.path;
  while (name.starts_with('/')) {
    name.remove_prefix(1);
  }
  const bool directory = volume.directory || name.find('/') != std::string_view::npos;
  name = std::string_view(name.data(), std::min(name.find('/'), name.size()));
  return !own.overlaps(volume.path) && !looks_like_code(name, directory);
}

bool shows_whole_root(const run::Spec& spec) { return spec.view != run::View::kNothing; }

Status attach_tree(int root, const TargetTree& tree, std::string_view prefix) {
  const auto path = base::concat<4095>(prefix, tree.path);
  if (path.truncated()) {
    return Error(Kind::kInvalid, "a path is longer than 4095 bytes in the Capsule");
  }
  const linux::UniqueFd onto = tree.directory ? RECAP_TRY(make_mount_point(root, path))
                                              : RECAP_TRY(make_mount_point_file(root, path));
  return linux::attach(tree.tree.get(), onto.get());
}

}  // namespace

VolumeList volumes_in(std::span<char> mountinfo) {
  VolumeList list;
  std::string_view rest(mountinfo.data(), mountinfo.size());
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);  // ID PARENT DEV ROOT POINT OPTS … - TYPE …
    for (int i = 0; i < 4; ++i) {
      linux::next_word(line);
    }
    const std::string_view point = linux::next_word(line);
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos || point == "/") {
      continue;
    }
    line.remove_prefix(dash + 3);
    // The target's own /dev and /proc subtrees (masks, shm) are not files it stores.
    if (!is_shown(linux::next_word(line)) || point == "/dev" || point.starts_with("/dev/") ||
        point.starts_with("/proc/") || point.starts_with("/sys/")) {
      continue;
    }
    if (list.count == kMaxVolumes) {
      list.complete = false;
      return list;
    }
    list.paths[list.count++] =
        unescape_in_place(mountinfo.data() + (point.data() - mountinfo.data()), point.size());
  }
  return list;
}

Status collect_in_child(const run::Spec& spec, int target_pidfd, const VolumeList& volumes,
                        TargetFiles& files) {
  RECAP_TRY(linux::join(target_pidfd, linux::Ns::kMnt));
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  for (std::size_t i = 0; i < spec.path_count; ++i) {
    const std::uint64_t attributes =
        spec.paths[i].writable ? kViewAttributes & ~MountAttr::kReadOnly : kViewAttributes;
    RECAP_TRY(clone_at(root.get(), spec.paths[i].path.data(), attributes, true, files.paths[i])
                  .context("cannot show a path of the target"));
    files.path_count = i + 1;
  }
  if (shows_whole_root(spec)) {
    if (!volumes.complete) {
      return Error(Kind::kUnsupported,
                   "the target has more than 64 volumes, and this view would not show them all: "
                   "use --path instead");
    }
    files.root = RECAP_TRY(linux::clone_tree(root.get(), false));
    const std::uint64_t links = spec.view == run::View::kTarget ? MountAttr::kNoSymFollow : 0;
    RECAP_TRY(linux::set_attributes(files.root.get(), kViewAttributes | links, false));
    for (std::size_t i = 0; i < volumes.count; ++i) {
      // A volume that went away meanwhile, or lies where we may not look, is simply not shown.
      if (clone_at(root.get(), volumes.paths[i], kViewAttributes | links, false,
                   files.volumes[files.volume_count])) {
        ++files.volume_count;
      }
    }
  }
  for (std::size_t i = 0; spec.view == run::View::kMerged && i < std::size(kShownEtc); ++i) {
    if (auto found = linux::open_in_root(root.get(), kShownEtc[i], O_PATH)) {
      files.etc[i] = std::move(*found);
    }
  }
  if ((spec.share & run::kShareNet) != 0) {
    if (auto found = linux::open_in_root(root.get(), "/etc/resolv.conf", O_PATH)) {
      files.resolv_conf = std::move(*found);
    }
    if (auto found = linux::open_in_root(root.get(), "/etc/hosts", O_PATH)) {
      files.hosts = std::move(*found);
    }
  }
  return {};
}

Status attach_in_child(const run::Spec& spec, const OwnPlaces& own, TargetFiles& files) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  if (spec.view == run::View::kTarget) {
    const linux::UniqueFd onto = RECAP_TRY(make_own_directory(root.get(), "target"));
    RECAP_TRY(linux::attach(files.root.get(), onto.get()));
  }
  for (std::size_t i = 0; i < files.volume_count; ++i) {
    if (spec.view == run::View::kMerged && !is_shown_merged(files.volumes[i], own)) {
      continue;
    }
    // The place of a volume exists in the target's root; where it does not, there is nothing to
    // show.
    (void)attach_tree(root.get(), files.volumes[i],
                      spec.view == run::View::kTarget ? "/target" : "");
  }
  for (std::size_t i = 0; i < files.path_count; ++i) {
    RECAP_TRY(
        attach_tree(root.get(), files.paths[i], "").context("cannot show a path of the target"));
  }
  return {};
}

}  // namespace recap::engine
