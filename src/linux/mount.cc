// SPDX-License-Identifier: Apache-2.0
#include "linux/mount.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

Status change_attributes(int mount, struct mount_attr& attr, bool recursive) {
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  return status_of(sys(__NR_mount_setattr, mount, "", flags, &attr, sizeof attr),
                   "set the attributes of", "mount");
}

}  // namespace

Result<FsContext> FsContext::open(const char* type) {
  const long ret = sys(__NR_fsopen, type, FSOPEN_CLOEXEC);
  if (ret < 0) {
    return failed("open file system type", type, static_cast<int>(-ret));
  }
  return FsContext(UniqueFd(static_cast<int>(ret)));
}

Status FsContext::set(const char* key, const char* value) {
  return status_of(sys(__NR_fsconfig, fd_.get(), FSCONFIG_SET_STRING, key, value, 0),
                   "set mount option", key);
}

Status FsContext::set_fd(const char* key, int fd) {
  return status_of(sys(__NR_fsconfig, fd_.get(), FSCONFIG_SET_FD, key, nullptr, fd),
                   "set mount option", key);
}

Result<Mount> FsContext::create(std::uint64_t attributes) {
  RECAP_TRY(status_of(sys(__NR_fsconfig, fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
                      "create", "file system"));
  const long ret = sys(__NR_fsmount, fd_.get(), FSMOUNT_CLOEXEC, attributes);
  if (ret < 0) {
    return failed("mount", "file system", static_cast<int>(-ret));
  }
  return Mount(static_cast<int>(ret));
}

Result<Mount> clone_tree(int fd, bool recursive) {
  const unsigned flags =
      AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
  const long ret = sys(__NR_open_tree, fd, "", flags);
  if (ret < 0) {
    return failed("clone", "mount", static_cast<int>(-ret));
  }
  return Mount(static_cast<int>(ret));
}

Status set_attributes(int mount, std::uint64_t attributes, bool recursive) {
  struct mount_attr attr{};
  attr.attr_set = attributes;
  // A clone of a shared mount is its peer: what is mounted on one would show on the other.
  attr.propagation = MS_PRIVATE;
  return change_attributes(mount, attr, recursive);
}

Status map_ids(int mount, int user_ns) {
  struct mount_attr attr{};
  attr.attr_set = MountAttr::kIdMap;
  attr.userns_fd = static_cast<std::uint64_t>(user_ns);
  return change_attributes(mount, attr, false);
}

Status attach(int mount, int onto) {
  constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  return status_of(sys(__NR_move_mount, mount, "", onto, "", kFlags), "attach", "mount");
}

Status make_everything_private() {
  return status_of(sys(__NR_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
                   "make mounts private", "");
}

Status detach_working_dir() {
  return status_of(sys(__NR_umount2, ".", MNT_DETACH), "detach", "mount");
}

Status detach_open(int proc, int fd) {
  RECAP_TRY(status_of(sys(__NR_fchdir, proc), "change directory to", "/proc"));
  const auto link = base::concat<32>("self/fd/", fd);
  Status done = status_of(sys(__NR_umount2, link.c_str(), MNT_DETACH), "detach", "mount");
  RECAP_TRY(status_of(sys(__NR_chdir, "/"), "change directory to", "/"));
  return done;
}

Status enter_root(int root) {
  RECAP_TRY(status_of(sys(__NR_fchdir, root), "change directory to", "the new root"));
  // pivot_root(2) with both arguments equal stacks the old root on top of the new one, so that no
  // directory for it is needed; the detach below then takes it away with all its submounts.
  RECAP_TRY(status_of(sys(__NR_pivot_root, ".", "."), "pivot to", "the new root"));
  RECAP_TRY(status_of(sys(__NR_umount2, ".", MNT_DETACH), "detach", "the old root"));
  return status_of(sys(__NR_chdir, "/"), "change directory to", "/");
}

}  // namespace recap::linux
