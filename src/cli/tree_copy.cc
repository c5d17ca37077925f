// SPDX-License-Identifier: Apache-2.0
#include "cli/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/fixed_string.h"
#include "linux/fs.h"
#include "linux/kernel_file_systems.h"

namespace recap::cli {
namespace {

using base::Error;
using base::Kind;
using base::Status;

constexpr std::size_t kChunkBytes = 256 << 10;
constexpr unsigned kModeBits = 0777;  // never setuid, setgid or sticky

Error is_neither(std::string_view name) {
  return {Kind::kInvalid,
          base::concat<300>(name.substr(0, 200), " is neither a regular file nor a directory")};
}

}  // namespace

Status refuse_kernel_files(int fd) {
  if (RECAP_TRY(linux::is_on_the_kernels(fd))) {
    return Error(Kind::kDenied,
                 "it is on a file system of the kernel (/proc, /sys, …), which is not copied");
  }
  return {};
}

Status TreeCopy::copy(int from, int to_dir, const char* name) {
  const auto info = RECAP_TRY(linux::stat_at(from, "", AT_EMPTY_PATH));
  if (S_ISREG(info.stx_mode)) {
    return copy_file(from, info.stx_mode, to_dir, name);
  }
  if (S_ISDIR(info.stx_mode)) {
    return copy_directory(from, info.stx_mode, to_dir, name, 0);
  }
  return is_neither(name);
}

Status TreeCopy::copy_bytes(int from, int to) {
  std::vector<std::byte> buffer(kChunkBytes);
  for (;;) {
    const std::size_t n = RECAP_TRY(linux::read_some(from, buffer));
    if (n == 0) {
      return {};
    }
    if (n > left_.bytes) {
      return Error(Kind::kExhausted, "there is more to copy than the limit; raise it with --limit");
    }
    left_.bytes -= n;
    RECAP_TRY(linux::write_all(to, std::span(buffer).first(n)));
  }
}

Status TreeCopy::give_away(int file) const {
  return owner_ ? linux::change_owner(file, "", owner_->uid, owner_->gid) : Status{};
}

Status TreeCopy::copy_file(int from, unsigned mode, int to_dir, const char* name) {
  // O_NONBLOCK: `name` may be a pipe by now. It is looked at before the first byte is written.
  const auto to = RECAP_TRY(linux::open_beneath(
      to_dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode & kModeBits));
  const auto info = RECAP_TRY(linux::stat_at(to.get(), "", AT_EMPTY_PATH));
  if (!S_ISREG(info.stx_mode)) {
    return is_neither(name);
  }
  RECAP_TRY(linux::resize(to.get(), 0));
  RECAP_TRY(give_away(to.get()));
  Status copied = copy_bytes(from, to.get());
  if (!copied) {
    (void)linux::unlink_at(to_dir, name);  // half a file is worse than none
  }
  return copied;
}

Status TreeCopy::copy_directory(int from, unsigned mode, int to_dir, const char* name,
                                std::size_t depth) {
  const Status made = linux::make_dir_at(to_dir, name, (mode & kModeBits) | S_IRWXU);
  if (!made && made.error().kind() != Kind::kExists) {
    return made;
  }
  const auto to = RECAP_TRY(linux::open_beneath(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  RECAP_TRY(refuse_kernel_files(to.get()).context(name));
  if (made) {
    RECAP_TRY(give_away(to.get()));
  }
  return copy_contents(from, to.get(), depth + 1);
}

Status TreeCopy::copy_contents(int from, int to, std::size_t depth) {
  if (depth > left_.depth) {
    return Error(Kind::kInvalid, "the directories are nested too deeply to be copied");
  }
  std::vector<std::string> names;
  RECAP_TRY(linux::each_entry(from, [&](const char* name, unsigned char) {
    names.emplace_back(name);
    return names.size() <= left_.entries;
  }));
  if (names.size() > left_.entries) {
    return Error(Kind::kExhausted, "there are too many files to copy; copy a smaller directory");
  }
  left_.entries -= names.size();
  for (const std::string& name : names) {
    RECAP_TRY(copy_entry(from, to, name.c_str(), depth));
  }
  return {};
}

Status TreeCopy::copy_entry(int from_dir, int to_dir, const char* name, std::size_t depth) {
  const auto path = linux::open_beneath(from_dir, name, O_PATH | O_NOFOLLOW);
  if (!path) {
    return path.error().kind() == Kind::kNotFound ? Status{} : Status(path.error());
  }
  const auto info = RECAP_TRY(linux::stat_at(path->get(), "", AT_EMPTY_PATH));
  if ((!S_ISREG(info.stx_mode) && !S_ISDIR(info.stx_mode)) ||
      RECAP_TRY(linux::is_on_the_kernels(path->get()))) {
    ++left_out_;
    return {};
  }
  // Through our own procfs: the file that was looked at, whatever the name means by now.
  const auto own = base::concat<40>("/proc/self/fd/", path->get());
  const int kind = S_ISDIR(info.stx_mode) ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
  const auto from = RECAP_TRY(linux::open_at(linux::kCwd, own.c_str(), O_RDONLY | kind));
  return S_ISDIR(info.stx_mode) ? copy_directory(from.get(), info.stx_mode, to_dir, name, depth)
                                : copy_file(from.get(), info.stx_mode, to_dir, name);
}

}  // namespace recap::cli
