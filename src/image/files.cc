// SPDX-License-Identifier: Apache-2.0
#include "image/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "image/printable.h"
#include "linux/error.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

Status check(int ret, std::string_view action, std::string_view object) {
  if (ret != 0) {
    return linux::failed(action, printable(object), errno);
  }
  return {};
}

}  // namespace

Status set_owner(int fd, std::uint32_t uid, std::uint32_t gid) {
  return check(fchownat(fd, "", uid, gid, AT_EMPTY_PATH), "set the owner of", "a file");
}

Status set_mode(int fd, unsigned mode) {
  return check(fchmod(fd, mode), "set the mode of", "a file");
}

Status set_times(int fd, const timespec& when) {
  const std::array<timespec, 2> both{when, when};
  return check(utimensat(fd, "", both.data(), AT_EMPTY_PATH), "set the times of", "a file");
}

Status write_at(int fd, std::span<const std::byte> data, std::int64_t offset) {
  while (!data.empty()) {
    const ssize_t n = pwrite(fd, data.data(), data.size(), offset);
    if (n < 0 && errno != EINTR) {
      return linux::failed("write", "a file of the layer", errno);
    }
    if (n > 0) {
      data = data.subspan(static_cast<std::size_t>(n));
      offset += n;
    }
  }
  return {};
}

Status link_fd(int fd, int dir, const char* name) {
  return check(linkat(fd, "", dir, name, AT_EMPTY_PATH), "link", name);
}

Status make_symlink(const char* target, int dir, const char* name) {
  return check(symlinkat(target, dir, name), "create symlink", name);
}

Status rename_between(int from_dir, const char* from, int to_dir, const char* to) {
  return check(renameat(from_dir, from, to_dir, to), "rename to", to);
}

Status sync_file(int fd) { return check(fsync(fd), "write to disk", "a file of the store"); }

Status sync_filesystem(int fd) { return check(syncfs(fd), "write to disk", "the store"); }

Result<std::optional<struct stat>> look_at(int dir, const char* name) {
  struct stat st{};
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::optional(st);
  }
  if (errno == ENOENT) {
    return std::optional<struct stat>();
  }
  return linux::failed("look at", printable(name), errno);
}

bool is_whiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == 0; }

Status remove_tree(int dir, const char* name) {
  const auto st = RECAP_TRY(look_at(dir, name));
  if (!st) {
    return {};
  }
  if (!S_ISDIR(st->st_mode)) {
    return linux::unlink_at(dir, name);
  }
  const DirFd inside = RECAP_TRY(linux::open_dir_at(dir, name));
  std::vector<std::string> names;
  RECAP_TRY(linux::each_entry(inside.get(), [&names](const char* entry, unsigned char) {
    names.emplace_back(entry);
    return true;
  }));
  for (const std::string& entry : names) {
    RECAP_TRY(remove_tree(inside.get(), entry.c_str()));
  }
  return linux::remove_dir_at(dir, name);
}

Status ensure_dir(int dir, const char* name, unsigned mode) {
  const auto made = linux::make_dir_at(dir, name, mode);
  if (!made && made.error().kind() != Kind::kExists) {
    return made.error();
  }
  return {};
}

Status replace_file(int staging, int dir, const std::string& name,
                    std::span<const std::byte> content) {
  constexpr const char* kNew = "new-file";
  {
    const UniqueFd fd = RECAP_TRY(create_file(staging, kNew));
    RECAP_TRY(linux::write_all(fd.get(), content));
    RECAP_TRY(sync_file(fd.get()));
  }
  RECAP_TRY(rename_between(staging, kNew, dir, name.c_str()));
  return sync_file(dir);
}

Result<std::string> read_bounded(int fd, std::size_t most, std::string_view what) {
  struct stat st{};
  if (fstat(fd, &st) != 0) {
    return linux::failed("look at", what, errno);
  }
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) > most) {
    return failure(Kind::kInvalid, what, " is no regular file of at most ", most, " bytes");
  }
  // One byte more than it had, so that a file that grew meanwhile is noticed.
  std::string out(static_cast<std::size_t>(st.st_size) + 1, '\0');
  const std::size_t n =
      RECAP_TRY(linux::read_all(fd, std::as_writable_bytes(std::span(out.data(), out.size()))));
  if (n > static_cast<std::size_t>(st.st_size)) {
    return failure(Kind::kBusy, what, " changed while it was read");
  }
  out.resize(n);
  return out;
}

Result<UniqueFd> create_file(int dir, const char* name) {
  return linux::open_at(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
}

Result<UniqueFd> lock_file(int dir, const std::string& name) {
  UniqueFd fd = RECAP_TRY(linux::open_at(dir, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  int ret = 0;
  do {
    ret = flock(fd.get(), LOCK_EX);
  } while (ret != 0 && errno == EINTR);
  RECAP_TRY(check(ret, "lock", "a file of the store"));
  return fd;
}

}  // namespace recap::image
