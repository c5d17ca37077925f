// SPDX-License-Identifier: Apache-2.0
// See files.h.
#include "targets/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "linux/fs.h"
#include "targets/json.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr std::size_t kMaxKernelFile = std::size_t{1} << 20;
constexpr std::size_t kMaxEntries = 65536;

std::span<std::byte> bytes_of(std::string& text) {
  return std::as_writable_bytes(std::span(text.data(), text.size()));
}

// The kernel reports size 0 for its own files, and a state file may be rewritten between fstat and
// read. Most fit into the first buffer, which costs no allocation.
Result<std::string> read_to_end(int fd, std::size_t limit) {
  std::array<char, 8192> first;
  std::size_t size = RECAP_TRY(linux::read_all(fd, std::as_writable_bytes(std::span(first))));
  std::string text(first.data(), size);
  while (size == text.size() && size >= first.size()) {
    if (size > limit) {
      return Error(Kind::kCorrupt, "is larger than anything a runtime writes");
    }
    text.resize(std::min(size * 4, limit + 1));
    size += RECAP_TRY(linux::read_all(fd, bytes_of(text).subspan(size)));
  }
  text.resize(size);
  return text;
}

}  // namespace

bool is_trusted_uid(std::uint32_t uid) { return uid == 0 || uid == ::geteuid(); }

Result<linux::DirFd> open_root(const std::string& path) {
  linux::UniqueFd fd =
      RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return linux::DirFd(fd.release());
}

Result<linux::DirFd> open_below(const linux::DirFd& dir, const std::string& path) {
  linux::UniqueFd fd =
      RECAP_TRY(linux::open_beneath(dir.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return linux::DirFd(fd.release());
}

Result<std::string> read_state(const linux::DirFd& dir, const std::string& path) {
  // O_NONBLOCK: should it be a FIFO, open and read must not wait for a writer.
  const linux::UniqueFd fd = RECAP_TRY(
      linux::open_beneath(dir.get(), path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  const struct statx facts = RECAP_TRY(linux::stat_at(fd.get(), "", AT_EMPTY_PATH));
  if (!S_ISREG(facts.stx_mode)) {
    return Error(Kind::kDenied, path + " is not a regular file: no runtime wrote it");
  }
  if (!is_trusted_uid(facts.stx_uid) || (facts.stx_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error(Kind::kDenied, path + " can be written by others than root: it is not believed");
  }
  auto text = read_to_end(fd.get(), kMaxJsonBytes);
  return std::move(text).context(path);
}

Result<std::string> read_kernel_file(const linux::DirFd& dir, const std::string& path) {
  const linux::UniqueFd fd =
      RECAP_TRY(linux::open_beneath(dir.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  auto text = read_to_end(fd.get(), kMaxKernelFile);
  return std::move(text).context(path);
}

Result<std::vector<std::string>> directories_in(const linux::DirFd& dir) {
  std::vector<std::string> names;
  // A descriptor of its own: reading moves the offset, and `dir` may be listed again.
  const linux::DirFd again = RECAP_TRY(open_below(dir, "."));
  auto done = linux::each_entry(again.get(), [&](const char* name, unsigned char type) {
    if (type == DT_DIR || type == DT_UNKNOWN) {
      names.emplace_back(name);
    }
    return names.size() < kMaxEntries;
  });
  if (!done) {
    return done.error();
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace recap::targets
