// SPDX-License-Identifier: Apache-2.0
// One decision per descriptor; fstat(2) is all it takes.
#include "capsule/stdio.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "base/fixed_string.h"
#include "linux/fs.h"

namespace recap::capsule {
namespace {

enum class Way : unsigned char { kPass, kNull, kRelay };

// A FIFO that has a name in the host's file system could be opened, chmodded and so on through the
// descriptor; a pipe(2) lives in pipefs and has no name.
bool is_nameless_pipe(int fd) {
  struct statfs fs{};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

Way way_of(int fd, const struct stat& info) {
  if (S_ISSOCK(info.st_mode) || (S_ISFIFO(info.st_mode) && is_nameless_pipe(fd))) {
    return Way::kPass;
  }
  const bool null = S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
  return null ? Way::kNull : Way::kRelay;
}

base::Result<linux::UniqueFd> open_null() {
  return linux::open_at(linux::kCwd, "/dev/null", O_RDWR);
}

base::Result<linux::UniqueFd> relay_input(int fd, std::vector<Relay>& relays) {
  linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
  if (base::Status ok = linux::set_nonblocking(pipe.write.get(), true); !ok) {
    return std::move(ok).error();
  }
  relays.emplace_back(Relay::Direction::kToFunction, callers_end(fd, O_RDONLY),
                      RelayEnd::own(std::move(pipe.write)));
  return std::move(pipe.read);
}

base::Result<linux::UniqueFd> relay_output(int fd, std::vector<Relay>& relays) {
  linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
  if (base::Status ok = linux::set_nonblocking(pipe.read.get(), true); !ok) {
    return std::move(ok).error();
  }
  relays.emplace_back(Relay::Direction::kFromFunction, RelayEnd::own(std::move(pipe.read)),
                      callers_end(fd, O_WRONLY));
  return std::move(pipe.write);
}

base::Result<linux::UniqueFd> connect_one(int fd, const struct stat& info, bool input,
                                          std::vector<Relay>& relays) {
  switch (way_of(fd, info)) {
    case Way::kPass:
      return linux::duplicate(fd);
    case Way::kNull:
      return open_null();
    case Way::kRelay:
      break;
  }
  return input ? relay_input(fd, relays) : relay_output(fd, relays);
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

base::Result<struct stat> look_at(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return base::Error(base::Kind::kInvalid,
                       base::concat<64>("descriptor ", fd, " is not open: give it a file"));
  }
  return info;
}

}  // namespace

StdioFlags::StdioFlags() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    flags_[static_cast<std::size_t>(fd)] = ::fcntl(fd, F_GETFL);
  }
}

StdioFlags::~StdioFlags() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    const int before = flags_[static_cast<std::size_t>(fd)];
    if (before >= 0 && ::fcntl(fd, F_GETFL) != before) {
      (void)::fcntl(fd, F_SETFL, before);
    }
  }
}

RelayEnd callers_end(int fd, int flags) {
  if (::isatty(fd) != 0) {
    const auto path = base::concat<32>("/proc/self/fd/", fd);
    auto own = linux::open_at(linux::kCwd, path.c_str(), flags | O_NONBLOCK | O_NOCTTY);
    if (own) {
      return RelayEnd::own(*std::move(own));
    }
  }
  struct stat info{};
  const bool is_file = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  return RelayEnd::lend(fd, !is_file);
}

base::Result<Stdio> connect_stdio(const StdioWish& wish) {
  Stdio stdio;
  const bool silent = wish.terminal || wish.detached;
  if (wish.interactive && !silent) {
    const struct stat in = RECAP_TRY(look_at(STDIN_FILENO));
    stdio.in = RECAP_TRY(connect_one(STDIN_FILENO, in, true, stdio.relays));
  } else {
    stdio.in = RECAP_TRY(open_null());
  }
  if (silent) {
    stdio.out = RECAP_TRY(open_null());
    stdio.err = RECAP_TRY(open_null());
    return stdio;
  }
  const int out_fd = wish.stdout_is_taken ? STDERR_FILENO : STDOUT_FILENO;
  const struct stat out = RECAP_TRY(look_at(out_fd));
  const struct stat err = RECAP_TRY(look_at(STDERR_FILENO));
  stdio.out = RECAP_TRY(connect_one(out_fd, out, false, stdio.relays));
  // One pipe for both keeps the order in which the function wrote to them.
  stdio.err = RECAP_TRY(same_file(out, err) ? linux::duplicate(stdio.out.get())
                                            : connect_one(STDERR_FILENO, err, false, stdio.relays));
  return stdio;
}

}  // namespace recap::capsule
