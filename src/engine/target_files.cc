// SPDX-License-Identifier: Apache-2.0
#include "engine/target_files.h"

#include <fcntl.h>

#include "engine/file_systems.h"
#include "engine/mount_point.h"
#include "engine/own_mounts.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using linux::MountAttr;

constexpr std::uint64_t kViewAttributes =
    MountAttr::kReadOnly | MountAttr::kNoSuid | MountAttr::kNoDev | MountAttr::kNoExec;

Status clone_at(int root, const char* path, std::uint64_t attributes, bool recursive,
                TargetTree& tree) {
  // What is only looked at may be reached by the target's links; what is written to is where the
  // requester said, and not where some user of the target has moved it.
  const bool writable = (attributes & MountAttr::kReadOnly) == 0;
  const linux::UniqueFd found = writable ? RECAP_TRY(open_without_links(root, path))
                                         : RECAP_TRY(linux::open_in_root(root, path, O_PATH));
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
  RECAP_TRY(linux::set_attributes(tree.tree.get(), attributes, recursive && tree.directory));
  const struct statx clone = RECAP_TRY(
      linux::stat_at(tree.tree.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC));
  tree.mount_id = clone.stx_mnt_id;
  return {};
}

Status show_path(int root, const char* path, std::uint64_t attributes, TargetTree& tree) {
  Status shown = clone_at(root, path, attributes, true, tree);
  if (!shown && shown.error().kind() == Kind::kNotFound) {
    return Error(Kind::kNotFound, base::concat<400>("the target has no ", path).view());
  }
  return std::move(shown).context("cannot show a path of the target");
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

Status attach_tree(int root, RootOf of, const TargetTree& tree, std::string_view prefix) {
  const auto path = base::concat<4095>(prefix, tree.path);
  if (path.truncated()) {
    return Error(Kind::kInvalid, "a path is longer than 4095 bytes in the Capsule");
  }
  const linux::UniqueFd onto = tree.directory ? RECAP_TRY(make_mount_point(root, path, of))
                                              : RECAP_TRY(make_mount_point_file(root, path, of));
  return linux::attach(tree.tree.get(), onto.get());
}

}  // namespace

VolumeList volumes_in(std::span<char> mountinfo) {
  VolumeList list;
  for (std::string_view rest(mountinfo.data(), mountinfo.size()); !rest.empty();) {
    const MountLine mount = next_mount(rest);
    const std::string_view point = mount.point;
    // The target's own /dev and /proc subtrees (masks, shm) are not files it stores.
    if (mount.type.empty() || point == "/" || is_of_the_kernel(mount.type) || point == "/dev" ||
        point.starts_with("/dev/") || point.starts_with("/proc/") || point.starts_with("/sys/")) {
      continue;
    }
    if (is_of_a_server(mount.type)) {
      ++list.left_out;
      continue;
    }
    if (list.count == kMaxVolumes) {
      list.complete = false;
      return list;
    }
    list.paths[list.count++] = unescape_in_place(mountinfo, point);
  }
  return list;
}

// Not "/" of its mount namespace, which for a target that lives in a chroot(2) is not its own.
Result<linux::UniqueFd> join_at_root(const run::Spec& spec, int target_pidfd, int proc) {
  const auto path = base::concat<32>(spec.target.pid, "/root");
  linux::UniqueFd root = RECAP_TRY(linux::open_at(proc, path.c_str(), O_PATH | O_DIRECTORY));
  RECAP_TRY(linux::join(target_pidfd, linux::Ns::kMnt));
  // While it lives, the number was its own when it was looked up. It may not be signalled, not even
  // with 0, from a pid namespace that it is not in.
  linux::PollFd ended[] = {{.fd = target_pidfd, .events = linux::kPollIn}};
  if (RECAP_TRY(linux::poll(ended, 0)) != 0) {
    return Error(Kind::kGone, "the target is gone");
  }
  return root;
}

Status collect_whole_root(const run::Spec& spec, int root, const VolumeList& volumes,
                          TargetFiles& files) {
  if (!volumes.complete) {
    return Error(Kind::kUnsupported,
                 "the target has more than 64 volumes, and this view would not show them all: "
                 "use --path instead");
  }
  RECAP_TRY(refuse_kernel_file_system(root));
  files.root = RECAP_TRY(linux::clone_tree(root, false));
  const std::uint64_t links = spec.view == run::View::kTarget ? MountAttr::kNoSymFollow : 0;
  RECAP_TRY(linux::set_attributes(files.root.get(), kViewAttributes | links, false));
  files.left_out = volumes.left_out;
  for (std::size_t i = 0; i < volumes.count; ++i) {
    const auto cloned = clone_at(root, volumes.paths[i], kViewAttributes | links, false,
                                 files.volumes[files.volume_count]);
    // What cannot be found has gone, or lies below another mount and is hidden from the target too.
    if (cloned) {
      ++files.volume_count;
    } else if (cloned.error().kind() != Kind::kNotFound) {
      ++files.left_out;
    }
  }
  return {};
}

Status collect_in_child(const run::Spec& spec, int target_pidfd, int proc,
                        const VolumeList& volumes, TargetFiles& files) {
  const linux::UniqueFd root =
      RECAP_TRY(join_at_root(spec, target_pidfd, proc).context("cannot visit the target's mounts"));
  for (std::size_t i = 0; i < spec.path_count; ++i) {
    const std::uint64_t attributes =
        spec.paths[i].writable ? kViewAttributes & ~MountAttr::kReadOnly : kViewAttributes;
    RECAP_TRY(show_path(root.get(), spec.paths[i].path.data(), attributes, files.paths[i]));
    files.path_count = i + 1;
  }
  if (spec.view != run::View::kNothing) {
    RECAP_TRY(collect_whole_root(spec, root.get(), volumes, files)
                  .context("cannot show the target's root"));
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

Status attach_in_child(const run::Spec& spec, int proc, const OwnPlaces& own, TargetFiles& files) {
  if (spec.view == run::View::kNothing && files.path_count == 0) {
    return {};
  }
  const OwnMounts before = RECAP_TRY(OwnMounts::list_in_child(proc));
  const RootOf of = root_of(spec);
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  if (spec.view == run::View::kTarget) {
    const linux::UniqueFd onto = RECAP_TRY(make_own_directory(root.get(), "target"));
    RECAP_TRY(linux::attach(files.root.get(), onto.get()));
  }
  for (std::size_t i = 0; i < files.volume_count; ++i) {
    if (spec.view == run::View::kMerged && !is_shown_merged(files.volumes[i], own)) {
      continue;
    }
    // Where the place of a volume is gone meanwhile, there is nothing to show.
    const auto attached = attach_tree(root.get(), of, files.volumes[i],
                                      spec.view == run::View::kTarget ? "/target" : "");
    if (!attached && attached.error().kind() != Kind::kNotFound) {
      ++files.left_out;
    }
  }
  std::array<std::uint64_t, run::kMaxPaths> wanted;
  for (std::size_t i = 0; i < files.path_count; ++i) {
    RECAP_TRY(attach_tree(root.get(), of, files.paths[i], "")
                  .context("cannot show a path of the target"));
    wanted[i] = files.paths[i].mount_id;
  }
  return before.leave_out_kernel_mounts_in_child(proc, std::span(wanted).first(files.path_count))
      .context("cannot show a path of the target");
}

}  // namespace recap::engine
