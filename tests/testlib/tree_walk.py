# SPDX-License-Identifier: Apache-2.0
"""What a file system holds: every file with all that stat and the xattrs say of it."""

import os
import stat


def describe(path, follow=False):
    """What lstat and the xattrs say of a file; not its access time, which reading may change."""
    info = os.stat(path, follow_symlinks=follow)
    xattrs = {}
    try:
        for name in os.listxattr(path, follow_symlinks=follow):
            xattrs[name] = os.getxattr(path, name, follow_symlinks=follow)
    except OSError:
        pass
    link = os.readlink(path) if stat.S_ISLNK(info.st_mode) else ""
    return (info.st_ino, oct(info.st_mode), info.st_uid, info.st_gid, info.st_nlink, info.st_size,
            info.st_mtime_ns, info.st_ctime_ns, info.st_rdev, link, tuple(sorted(xattrs.items())))  # fmt: skip


def walk(root, skip):
    """Every file below `root`; mount points in `skip` are not entered."""
    found, todo = {}, [""]
    while todo:
        inner = todo.pop()
        try:
            names = os.listdir(f"{root}/{inner}")
        except OSError:
            continue
        for name in names:
            path = f"{inner}/{name}"
            if path in skip:
                continue
            try:
                found[path] = describe(f"{root}/{path}")
                if stat.S_ISDIR(os.lstat(f"{root}/{path}").st_mode):
                    todo.append(path)
            except FileNotFoundError:
                continue
    return found
