// SPDX-License-Identifier: Apache-2.0
#include "linux/fs.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstring>

#include "base/fixed_string.h"
#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

constexpr int kResolveRetries = 128;

long restarted(long nr, int fd, void* data, std::size_t size) {
  long ret = 0;
  do {
    ret = sys(nr, fd, data, size);
  } while (ret == -EINTR);
  return ret;
}

Result<UniqueFd> open_resolved(int dir, const char* path, int flags, unsigned mode,
                               std::uint64_t resolve) {
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = resolve;
  long ret = -EAGAIN;
  for (int i = 0; i < kResolveRetries && (ret == -EAGAIN || ret == -EINTR); ++i) {
    ret = sys(__NR_openat2, dir, path, &how, sizeof how);
  }
  if (ret < 0) {
    return failed("open", path, static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

}  // namespace

Result<UniqueFd> open_at(int dir, const char* path, int flags, unsigned mode) {
  const long ret = sys(__NR_openat, dir, path, flags | O_CLOEXEC, mode);
  if (ret < 0) {
    return failed("open", path, static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Result<DirFd> open_dir_at(int dir, const char* path) {
  auto fd = open_at(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) {
    return std::move(fd).error();
  }
  return DirFd(fd->release());
}

Result<UniqueFd> open_in_root(int root, const char* path, int flags, unsigned mode) {
  return open_resolved(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_in_mount(int root, const char* path, int flags) {
  return open_resolved(root, path, flags, 0,
                       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

Result<UniqueFd> open_in_root_without_links(int root, const char* path, int flags) {
  return open_resolved(root, path, flags, 0,
                       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

Result<UniqueFd> open_step(int dir, const char* name, int flags) {
  return open_resolved(
      dir, name, flags | O_NOFOLLOW, 0,
      RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

Result<UniqueFd> open_beneath(int dir, const char* path, int flags, unsigned mode) {
  return open_resolved(dir, path, flags, mode,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_proc() { return open_at(kCwd, "/proc", O_PATH | O_DIRECTORY); }

Result<UniqueFd> reopen_regular(int proc, int path_fd) {
  const struct statx st = RECAP_TRY(stat_at(path_fd, "", AT_EMPTY_PATH));
  if (!S_ISREG(st.stx_mode)) {
    return base::Error(base::Kind::kInvalid, "not a regular file");
  }
  const auto link = base::concat<32>("self/fd/", path_fd);
  return open_at(proc, link.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

Result<UniqueFd> reopen_regular(int path_fd) {
  const UniqueFd proc = RECAP_TRY(open_proc());
  return reopen_regular(proc.get(), path_fd);
}

Result<std::size_t> read_some(int fd, std::span<std::byte> buffer) {
  const long ret = restarted(__NR_read, fd, buffer.data(), buffer.size());
  if (ret < 0) {
    return failed("read", "", static_cast<int>(-ret));
  }
  return static_cast<std::size_t>(ret);
}

Result<std::size_t> read_all(int fd, std::span<std::byte> buffer) {
  std::size_t at = 0;
  while (at < buffer.size()) {
    const std::size_t n = RECAP_TRY(read_some(fd, buffer.subspan(at)));
    if (n == 0) {
      break;
    }
    at += n;
  }
  return at;
}

Result<std::size_t> write_some(int fd, std::span<const std::byte> data) {
  const long ret =
      restarted(__NR_write, fd, const_cast<std::byte*>(data.data()), data.size());  // NOLINT
  if (ret < 0) {
    return failed("write", "", static_cast<int>(-ret));
  }
  return static_cast<std::size_t>(ret);
}

Status write_all(int fd, std::span<const std::byte> data) {
  while (!data.empty()) {
    data = data.subspan(RECAP_TRY(write_some(fd, data)));
  }
  return {};
}

Status write_text(int fd, std::string_view text) {
  return write_all(fd, std::as_bytes(std::span(text)));
}

Result<std::string_view> read_file_at(int dir, const char* path, std::span<char> buffer) {
  const UniqueFd fd = RECAP_TRY(open_at(dir, path, O_RDONLY));
  const auto size = read_all(fd.get(), std::as_writable_bytes(buffer));
  if (!size) {
    return failed("read", path, size.error().errno_value());
  }
  return std::string_view(buffer.data(), *size);
}

Status write_file_at(int dir, const char* path, std::string_view text) {
  const UniqueFd fd = RECAP_TRY(open_at(dir, path, O_WRONLY));
  // One write: files of procfs and cgroupfs take a value whole or not at all.
  const auto written = write_some(fd.get(), std::as_bytes(std::span(text)));
  if (!written) {
    return failed("write", path, written.error().errno_value());
  }
  return *written == text.size() ? Status{} : failed("write all of", path, EIO);
}

Status make_dir_at(int dir, const char* path, unsigned mode) {
  return status_of(sys(__NR_mkdirat, dir, path, mode), "create directory", path);
}

Status unlink_at(int dir, const char* path) {
  return status_of(sys(__NR_unlinkat, dir, path, 0), "remove", path);
}

Status remove_dir_at(int dir, const char* path) {
  return status_of(sys(__NR_unlinkat, dir, path, AT_REMOVEDIR), "remove directory", path);
}

Status rename_at(int dir, const char* from, const char* to) {
  return status_of(sys(__NR_renameat2, dir, from, dir, to, 0), "rename", from);
}

Status link_at(int unnamed, int dir, const char* path) {
  // By /proc, for AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH.
  const auto link = base::concat<32>("/proc/self/fd/", unnamed);
  return status_of(sys(__NR_linkat, kCwd, link.c_str(), dir, path, AT_SYMLINK_FOLLOW), "create",
                   path);
}

Status symlink_at(const char* target, int dir, const char* path) {
  return status_of(sys(__NR_symlinkat, target, dir, path), "create symlink", path);
}

Status make_device_at(int dir, const char* path, unsigned mode, unsigned major, unsigned minor) {
  const unsigned dev = (minor & 0xffU) | (major << 8U) | ((minor & ~0xffU) << 12U);
  return status_of(sys(__NR_mknodat, dir, path, mode | S_IFCHR, dev), "create device", path);
}

Status change_owner(int dir, const char* path, std::uint32_t uid, std::uint32_t gid) {
  return status_of(sys(__NR_fchownat, dir, path, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH),
                   "change the owner of", path);
}

Status set_xattr(int fd, const char* name, std::string_view value) {
  return status_of(sys(__NR_fsetxattr, fd, name, value.data(), value.size(), 0), "set xattr", name);
}

Status reserve_space(int fd, std::uint64_t bytes) {
  // KEEP_SIZE: what is written later decides the file's size, so nothing has to be cut off.
  const long ret = sys(__NR_fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, bytes);
  return ret == -EOPNOTSUPP ? Status{} : status_of(ret, "reserve space", "");
}

Status resize(int fd, std::uint64_t bytes) {
  return status_of(sys(__NR_ftruncate, fd, bytes), "resize", "");
}

Status lock_exclusive(int fd) {
  return status_of(sys(__NR_flock, fd, LOCK_EX | LOCK_NB), "lock", "");
}

Result<struct statx> stat_at(int dir, const char* path, int flags) {
  struct statx st{};
  const long ret = sys(__NR_statx, dir, path, flags, STATX_BASIC_STATS, &st);
  if (ret < 0) {
    return failed("stat", path, static_cast<int>(-ret));
  }
  return st;
}

Result<std::int64_t> filesystem_type(const char* path) {
  struct statfs st{};
  const long ret = sys(__NR_statfs, path, &st);
  if (ret < 0) {
    return failed("statfs", path, static_cast<int>(-ret));
  }
  return static_cast<std::int64_t>(st.f_type);
}

Result<std::int64_t> filesystem_type(int fd) {
  struct statfs st{};
  const long ret = sys(__NR_fstatfs, fd, &st);
  if (ret < 0) {
    return failed("statfs", "", static_cast<int>(-ret));
  }
  return static_cast<std::int64_t>(st.f_type);
}

Result<std::string_view> read_link_at(int dir, const char* path, std::span<char> buffer) {
  const long ret = sys(__NR_readlinkat, dir, path, buffer.data(), buffer.size());
  if (ret < 0) {
    return failed("read link", path, static_cast<int>(-ret));
  }
  if (static_cast<std::size_t>(ret) == buffer.size()) {  // what was cut off would not show
    return failed("read link", path, ENAMETOOLONG);
  }
  return std::string_view(buffer.data(), static_cast<std::size_t>(ret));
}

Status each_entry(int dir, void* context, Visit visit) {
  struct Entry {  // struct linux_dirent64, getdents64(2)
    std::uint64_t ino;
    std::int64_t off;
    std::uint16_t reclen;
    unsigned char type;
    char name[1];
  };
  alignas(Entry) std::array<std::byte, 4096> buffer;
  while (true) {
    const long got = sys(__NR_getdents64, dir, buffer.data(), buffer.size());
    if (got < 0) {
      return failed("list directory", "", static_cast<int>(-got));
    }
    if (got == 0) {
      return {};
    }
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer.data() + at);
      at += entry->reclen;
      const std::string_view name(&entry->name[0]);
      if (name != "." && name != ".." && !visit(context, &entry->name[0], entry->type)) {
        return {};
      }
    }
  }
}

}  // namespace recap::linux
