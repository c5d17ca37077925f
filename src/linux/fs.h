// SPDX-License-Identifier: Apache-2.0
// Files, as descriptors: open, read, write, stat, and the *at family.
//
// All open descriptors are close-on-exec. Paths are NUL-terminated C strings, because the kernel
// takes them so; a path from a target or an image goes through open_in_root() only.
// No call allocates or locks, so all may be used between clone and exec.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

inline constexpr int kCwd = -100;  // AT_FDCWD

Result<UniqueFd> open_at(int dir, const char* path, int flags, unsigned mode = 0);
Result<DirFd> open_dir_at(int dir, const char* path);  // O_DIRECTORY|O_NOFOLLOW, readable

// openat2(2) with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS: `path` cannot name anything outside
// `root`, whatever is renamed meanwhile. EAGAIN (a rename storm) is retried a bounded number of
// times.
Result<UniqueFd> open_in_root(int root, const char* path, int flags, unsigned mode = 0);
// The same, but EXDEV where another mount would be entered (RESOLVE_NO_XDEV) …
Result<UniqueFd> open_in_mount(int root, const char* path, int flags);
// … or ELOOP where a symbolic link would be followed (RESOLVE_NO_SYMLINKS).
Result<UniqueFd> open_in_root_without_links(int root, const char* path, int flags);
// One component of a path: no link, no other mount, not the way up.
Result<UniqueFd> open_step(int dir, const char* name, int flags);
// The same with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS: not even a symlink.
Result<UniqueFd> open_beneath(int dir, const char* path, int flags, unsigned mode = 0);

// Opens for reading what an O_PATH descriptor of a hostile tree refers to, if it is a regular file:
// O_PATH alone never blocks, and a FIFO or a device is refused before it is touched. Goes through
// self/fd of `proc`, a procfs that we trust.
Result<UniqueFd> reopen_regular(int proc, int path_fd);
Result<UniqueFd> reopen_regular(int path_fd);  // through this process' own /proc
Result<UniqueFd> open_proc();                  // /proc as this process sees it

// As read(2)/write(2), restarted on EINTR. read_all stops at EOF or when `buffer` is full.
Result<std::size_t> read_some(int fd, std::span<std::byte> buffer);
Result<std::size_t> read_all(int fd, std::span<std::byte> buffer);
Result<std::size_t> write_some(int fd, std::span<const std::byte> data);
Status write_all(int fd, std::span<const std::byte> data);
Status write_text(int fd, std::string_view text);

// A small file in one go: open, read or write whole, close.
Result<std::string_view> read_file_at(int dir, const char* path, std::span<char> buffer);
Status write_file_at(int dir, const char* path, std::string_view text);  // must exist

Status make_dir_at(int dir, const char* path, unsigned mode);
Status unlink_at(int dir, const char* path);
Status remove_dir_at(int dir, const char* path);
Status rename_at(int dir, const char* from, const char* to);
// Gives an unnamed file (O_TMPFILE) its name; kExists when it is taken.
Status link_at(int unnamed, int dir, const char* path);
Status symlink_at(const char* target, int dir, const char* path);
Status make_device_at(int dir, const char* path, unsigned mode, unsigned major, unsigned minor);
Status change_owner(int dir, const char* path, std::uint32_t uid, std::uint32_t gid);
Status set_xattr(int fd, const char* name, std::string_view value);
Status reserve_space(int fd,
                     std::uint64_t bytes);  // fallocate(2); no error where it is unsupported
Status resize(int fd, std::uint64_t bytes);
Status lock_exclusive(int fd);  // flock(2), never waits: kBusy when another holds it
Result<struct statx> stat_at(int dir, const char* path, int flags);
Result<std::int64_t> filesystem_type(const char* path);  // statfs(2) f_type
Result<std::int64_t> filesystem_type(int fd);            // the same; O_PATH suffices
// `buffer` has to be longer than the link.
Result<std::string_view> read_link_at(int dir, const char* path, std::span<char> buffer);

// Calls `visit(name, d_type)` for each entry but "." and ".."; stops when it returns false.
using Visit = bool (*)(void* context, const char* name, unsigned char type);
Status each_entry(int dir, void* context, Visit visit);

template <typename F>
Status each_entry(int dir, F&& visit) {
  return each_entry(dir, &visit, [](void* context, const char* name, unsigned char type) {
    return (*static_cast<std::remove_reference_t<F>*>(context))(name, type);
  });
}

struct Pipe {
  UniqueFd read, write;
};
Result<Pipe> make_pipe();
Result<std::size_t> pipe_capacity(int fd);  // F_GETPIPE_SZ: no pipe holds more at any moment
Status set_nonblocking(int fd, bool on);
Result<UniqueFd> duplicate(int fd, int at_least = 0);
Status close_on_exec(int fd);
// dup3(2) for what exec passes on; with `close_on_exec` for what it does not.
Status duplicate_to(int fd, int number, bool close_on_exec = false);

}  // namespace recap::linux
