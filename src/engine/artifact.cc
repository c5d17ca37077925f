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

// What may still be copied, and what should have been and was not.
struct Account {
  CopyLimit left;
  std::uint64_t missing_bytes = 0;
};

Error beyond_limit() {
  return Error(Kind::kExhausted,
               "a copy of /out would be larger than /out may be: a hole in a file becomes bytes, "
               "and each hard link a file");
}

Status take(std::uint64_t& left, std::uint64_t wanted) {
  if (wanted > left) {
    return beyond_limit();
  }
  left -= wanted;
  return {};
}

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

Status copy_contents(int from, const Sink& sink, std::uint64_t& bytes_left,
                     std::uint64_t& written) {
  std::array<std::byte, kAtOnce> buffer;
  while (true) {
    const std::size_t size = RECAP_TRY(linux::read_some(from, buffer));
    if (size == 0) {
      return {};
    }
    RECAP_TRY(take(bytes_left, size));
    RECAP_TRY(write_to(sink, std::span(buffer).first(size), written));
  }
}

// What it holds and did not arrive is missing.
Status copy_counted(int from, const Sink& sink, Account& account) {
  const struct statx st = RECAP_TRY(linux::stat_at(from, "", AT_EMPTY_PATH));
  if (st.stx_size > account.left.bytes) {
    return beyond_limit();
  }
  std::uint64_t written = 0;
  Status copied = copy_contents(from, sink, account.left.bytes, written);
  account.missing_bytes += st.stx_size - std::min<std::uint64_t>(st.stx_size, written);
  return copied;
}

base::Result<linux::UniqueFd> open_file(int dir, const char* name) {
  const linux::UniqueFd found = RECAP_TRY(linux::open_beneath(dir, name, O_PATH));
  return linux::reopen_regular(found.get());
}

// A file system without O_TMPFILE (NFS, FAT): the name is there from the start, and removed if the
// copy fails.
Status copy_under_its_name(int from, int to_dir, const char* name, Account& account) {
  const linux::UniqueFd to =
      RECAP_TRY(linux::open_at(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  Status copied = copy_counted(from, {.fd = to.get()}, account);
  if (!copied) {
    (void)linux::unlink_at(to_dir, name);
  }
  return copied;
}

Status copy_to_name(int from, int to_dir, const char* name, Account& account) {
  const auto to = linux::open_at(to_dir, ".", O_WRONLY | O_TMPFILE, 0644);
  if (!to) {
    return copy_under_its_name(from, to_dir, name, account);
  }
  Status copied = copy_counted(from, {.fd = to->get()}, account);
  if (copied) {
    copied = linux::link_at(to->get(), to_dir, name);
    const auto st = linux::stat_at(to->get(), "", AT_EMPTY_PATH);
    account.missing_bytes += copied || !st ? 0 : st->stx_size;
  }
  return copied;
}

Status copy_file(int from_dir, int to_dir, const char* name, Account& account) {
  const linux::UniqueFd from = RECAP_TRY(open_file(from_dir, name).context(name));
  return copy_to_name(from.get(), to_dir, name, account).context(name);
}

Status copy_directory(int from, int to, int depth, Account& account);

Status copy_subdirectory(int from_dir, int to_dir, const char* name, int depth, Account& account) {
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
  return copy_directory(from.get(), to.get(), depth + 1, account);
}

Status copy_directory(int from, int to, int depth, Account& account) {
  Status worst;
  const Status listed = linux::each_entry(from, [&](const char* name, unsigned char) {
    const auto st = linux::stat_at(from, name, AT_SYMLINK_NOFOLLOW);
    Status status = take(account.left.entries, 1);
    if (status && !st) {
      status = st.error();
    } else if (status && S_ISDIR(st->stx_mode)) {
      status = copy_subdirectory(from, to, name, depth, account);
    } else if (status && S_ISREG(st->stx_mode)) {  // a symlink, FIFO, socket: no artifact
      status = copy_file(from, to, name, account);
    }
    if (!status && worst) {
      worst = std::move(status);
    }
    return true;
  });
  return worst ? listed : worst;
}

// Takes from `left` what a copy of the directory would be.
Status weigh(int dir, int depth, CopyLimit& left) {
  Status within;
  const Status listed = linux::each_entry(dir, [&](const char* name, unsigned char) {
    within = take(left.entries, 1);
    const auto st = linux::stat_at(dir, name, AT_SYMLINK_NOFOLLOW);
    if (within && st && S_ISREG(st->stx_mode)) {
      within = take(left.bytes, st->stx_size);
    } else if (within && st && S_ISDIR(st->stx_mode) && depth < kMaxDepth) {
      const auto below = linux::open_beneath(dir, name, O_RDONLY | O_DIRECTORY);
      within = below ? weigh(below->get(), depth + 1, left) : Status{};
    }
    return within.has_value();
  });
  return within ? listed : within;
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

Status copy_all(int out, int to, Account& account) {
  CopyLimit left = account.left;
  const linux::UniqueFd weighed = RECAP_TRY(open_root(out));
  RECAP_TRY(weigh(weighed.get(), 0, left));
  const linux::UniqueFd root = RECAP_TRY(open_root(out));  // to be read from its beginning
  return copy_directory(root.get(), to, 0, account);
}

// A pipe is opened anew: its flags belong to everybody who has it, and two writers may both have
// been promised the same room.
Status copy_single(int out, Sink sink, Account& account) {
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
  return copy_counted(only.get(), sink, account);
}

}  // namespace

Copied copy_artifacts(int out, int to, const CopyLimit& limit) {
  Account account{.left = limit};
  Status status = copy_all(out, to, account);
  return {.status = std::move(status), .missing_bytes = account.missing_bytes};
}

Copied copy_single_artifact(int out, int to, const CopyLimit& limit, void* context,
                            AwaitRoom await_room) {
  Account account{.left = limit};
  Status status =
      copy_single(out, {.fd = to, .context = context, .await_room = await_room}, account);
  return {.status = std::move(status), .missing_bytes = account.missing_bytes};
}

}  // namespace recap::engine
