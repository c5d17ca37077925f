// SPDX-License-Identifier: Apache-2.0
#include "engine/mask.h"

#include "linux/fs.h"

namespace recap::engine {

namespace {

constexpr const char* kParents[] = {"etc", "usr", "usr/local"};
// A whiteout hides a name of the layers below, whatever is there: file, directory or symlink
// (overlayfs.rst, "whiteouts": a character device 0:0).
constexpr const char* kHidden[] = {"lib",
                                   "lib32",
                                   "lib64",
                                   "libx32",
                                   "bin",
                                   "sbin",
                                   "usr/lib",
                                   "usr/lib32",
                                   "usr/lib64",
                                   "usr/libx32",
                                   "usr/libexec",
                                   "usr/bin",
                                   "usr/sbin",
                                   "usr/local/lib",
                                   "usr/local/lib64",
                                   "usr/local/bin",
                                   "usr/local/sbin",
                                   "opt",
                                   "etc/ld.so.preload",
                                   "etc/ld.so.cache",
                                   "etc/ld.so.conf",
                                   "etc/ld.so.conf.d",
                                   "etc/nsswitch.conf",
                                   "etc/gai.conf",
                                   "etc/host.conf",
                                   "etc/profile",
                                   "etc/profile.d",
                                   "etc/bash.bashrc",
                                   "etc/inputrc",
                                   "etc/terminfo",
                                   "etc/alternatives",
                                   "proc",
                                   "sys",
                                   "dev",
                                   "root"};

}  // namespace

base::Result<linux::Mount> make_mask() {
  linux::FsContext tmpfs = RECAP_TRY(linux::FsContext::open("tmpfs"));
  RECAP_TRY(tmpfs.set("size", "65536"));
  RECAP_TRY(tmpfs.set("mode", "0755"));
  linux::Mount mask =
      RECAP_TRY(tmpfs.create(linux::MountAttr::kNoSuid | linux::MountAttr::kNoExec));
  for (const char* parent : kParents) {
    RECAP_TRY(linux::make_dir_at(mask.get(), parent, 0755));
  }
  for (const char* hidden : kHidden) {
    RECAP_TRY(linux::make_device_at(mask.get(), hidden, 0, 0, 0));
  }
  RECAP_TRY(linux::set_attributes(mask.get(), linux::MountAttr::kReadOnly, false));
  return mask;
}

}  // namespace recap::engine
