// SPDX-License-Identifier: Apache-2.0
#include "engine/artifact.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "base/fixed_string.h"
#include "linux/fs.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using base::Status;

constexpr int kMaxDepth = 16;
constexpr std::size_t kAtOnce = 65536;
constexpr std::size_t kRoomThatPollPromises = 4096;  // PIPE_BUF

// Where one file goes, and whom to ask before each write to it; without, it never blocks.
struct Sink {
  int fd = -1;
  std::size_t at_once = kAtOnce;
  void* context = nullptr;
  AwaitRoom await_room = nullptr;
};

Status write_to(const Sink& sink, std::span<const std::byte> data, std::uint64_t& written) {
  while (!data.empty()) {
    if (sink.await_room != nullptr && !sink.await_room(sink.context, sink.fd)) {
      return Error(Kind::kTimeout, "nobody took the rest");
    }
    const auto now = linux::write_some(sink.fd, data.first(std::min(data.size(), sink.at_once)));
    if (!now && now.error().errno_value() == EAGAIN) {
      continue;
    }
    const std::size_t size = RECAP_TRY(now);
    data = data.subspan(size);
    written += size;
  }
  return {};
}

Status copy_contents(int from, const Sink& sink, std::uint64_t& written) {
  std::array<std::byte, kAtOnce> buffer;
  while (true) {
    const std::size_t size = RECAP_TRY(linux::read_some(from, buffer));
    if (size == 0) {
      return {};
    }
    RECAP_TRY(write_to(sink, std::span(buffer).first(size), written));
  }
}

// `from` does not change any more: what it holds and did not arrive is missing.
Status copy_counted(int from, const Sink& sink, std::uint64_t& missing_bytes) {
  const struct statx st = RECAP_TRY(linux::stat_at(from, "", AT_EMPTY_PATH));
  std::uint64_t written = 0;
  Status copied = copy_contents(from, sink, written);
  missing_bytes += st.stx_size - std::min<std::uint64_t>(st.stx_size, written);
  return copied;
}

base::Result<linux::UniqueFd> open_file(int dir, const char* name) {
  const linux::UniqueFd found = RECAP_TRY(linux::open_beneath(dir, name, O_PATH));
  return linux::reopen_regular(found.get());
}

// A file system without O_TMPFILE (NFS, FAT): the name is there from the start, and removed if the
// copy fails.
Status copy_under_its_name(int from, int to_dir, const char* name, std::uint64_t& missing_bytes) {
  const linux::UniqueFd to =
      RECAP_TRY(linux::open_at(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  Status copied = copy_counted(from, {.fd = to.get()}, missing_bytes);
  if (!copied) {
    (void)linux::unlink_at(to_dir, name);
  }
  return copied;
}

Status copy_to_name(int from, int to_dir, const char* name, std::uint64_t& missing_bytes) {
  const auto to = linux::open_at(to_dir, ".", O_WRONLY | O_TMPFILE, 0644);
  if (!to) {
    return copy_under_its_name(from, to_dir, name, missing_bytes);
  }
  std::uint64_t missing_now = 0;
  Status copied = copy_counted(from, {.fd = to->get()}, missing_now);
  if (copied) {
    copied = linux::link_at(to->get(), to_dir, name);
    const auto st = linux::stat_at(to->get(), "", AT_EMPTY_PATH);
    missing_now = copied || !st ? 0 : st->stx_size;
  }
  missing_bytes += missing_now;
  return copied;
}

Status copy_file(int from_dir, int to_dir, const char* name, std::uint64_t& missing_bytes) {
  const auto from = open_file(from_dir, name);
  if (!from) {
    return {};  // a symlink, FIFO, socket: no artifact
  }
  return copy_to_name(from->get(), to_dir, name, missing_bytes).context(name);
}

Status copy_directory(int from, int to, int depth, std::uint64_t& missing_bytes);

Status copy_subdirectory(int from_dir, int to_dir, const char* name, int depth,
                         std::uint64_t& missing_bytes) {
  if (depth >= kMaxDepth) {
    return Error(Kind::kInvalid, "/out is nested more than 16 deep");
  }
  const linux::UniqueFd from =
      RECAP_TRY(linux::open_beneath(from_dir, name, O_RDONLY | O_DIRECTORY));
  auto made = linux::make_dir_at(to_dir, name, 0755);
  if (!made && made.error().kind() != Kind::kExists) {
    return made;
  }
  const linux::DirFd to = RECAP_TRY(linux::open_dir_at(to_dir, name));
  return copy_directory(from.get(), to.get(), depth + 1, missing_bytes);
}

Status copy_directory(int from, int to, int depth, std::uint64_t& missing_bytes) {
  Status worst;
  const Status listed = linux::each_entry(from, [&](const char* name, unsigned char) {
    const auto st = linux::stat_at(from, name, AT_SYMLINK_NOFOLLOW);
    Status status = st && S_ISDIR(st->stx_mode)
                        ? copy_subdirectory(from, to, name, depth, missing_bytes)
                        : copy_file(from, to, name, missing_bytes);
    if (!status && worst) {
      worst = std::move(status);
    }
    return true;
  });
  return worst ? listed : worst;
}

base::Result<linux::UniqueFd> open_root(int out) {
  return linux::open_at(out, ".", O_RDONLY | O_DIRECTORY);
}

base::Result<linux::UniqueFd> only_file_in(int out) {
  const linux::UniqueFd root = RECAP_TRY(open_root(out));
  linux::UniqueFd only;
  int count = 0;
  RECAP_TRY(linux::each_entry(root.get(), [&](const char* name, unsigned char) {
    if (auto file = open_file(root.get(), name)) {
      only = std::move(*file);
      ++count;
    }
    return count < 2;
  }));
  if (count == 0) {
    return Error(Kind::kNotFound, "the function left no file in /out");
  }
  if (count > 1) {
    return Error(Kind::kInvalid, "the function left more than one file in /out: use --out DIR/");
  }
  return only;
}

Status copy_all(int out, int to, std::uint64_t& missing_bytes) {
  const linux::UniqueFd root = RECAP_TRY(open_root(out));
  return copy_directory(root.get(), to, 0, missing_bytes);
}

// A pipe is opened anew: its flags belong to everybody who has it, and two writers may both have
// been promised the same room.
Status copy_single(int out, Sink sink, std::uint64_t& missing_bytes) {
  const linux::UniqueFd only = RECAP_TRY(only_file_in(out));
  const struct statx st = RECAP_TRY(linux::stat_at(sink.fd, "", AT_EMPTY_PATH));
  if (S_ISREG(st.stx_mode)) {
    sink.await_room = nullptr;
  }
  linux::UniqueFd own;
  if (S_ISFIFO(st.stx_mode)) {
    const auto link = base::concat<32>("/proc/self/fd/", sink.fd);
    own = RECAP_TRY(linux::open_at(linux::kCwd, link.c_str(), O_WRONLY | O_NONBLOCK));
    sink.fd = own.get();
  } else if (sink.await_room != nullptr) {
    sink.at_once = kRoomThatPollPromises;
  }
  return copy_counted(only.get(), sink, missing_bytes);
}

}  // namespace

Copied copy_artifacts(int out, int to) {
  Copied copied;
  copied.status = copy_all(out, to, copied.missing_bytes);
  return copied;
}

Copied copy_single_artifact(int out, int to, void* context, AwaitRoom await_room) {
  Copied copied;
  copied.status = copy_single(out, {.fd = to, .context = context, .await_room = await_room},
                              copied.missing_bytes);
  return copied;
}

}  // namespace recap::engine
