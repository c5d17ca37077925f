// SPDX-License-Identifier: Apache-2.0
#include "linux/unmount.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include "base/fixed_string.h"
#include "linux/error.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

// As ustat(2) takes it: new_encode_dev(), include/linux/kdev_t.h.
constexpr std::uint64_t encoded(std::uint32_t major, std::uint32_t minor) {
  return (minor & 0xffU) | (std::uint64_t{major} << 8U) | (std::uint64_t{minor & ~0xffU} << 12U);
}

// How many of the events in `bytes` are the end of a file system.
std::uint32_t unmounts_in(std::span<const std::byte> bytes) {
  std::uint32_t unmounts = 0;
  while (bytes.size() >= sizeof(inotify_event)) {
    inotify_event event;
    std::memcpy(&event, bytes.data(), sizeof event);
    unmounts += (event.mask & IN_UNMOUNT) != 0 ? 1 : 0;
    bytes = bytes.subspan(std::min(bytes.size(), sizeof event + event.len));
  }
  return unmounts;
}

// Makes an instance when there is one to have.
UniqueFd make_instance() {
  constexpr int kTries = 20;
  long fd = sys(__NR_inotify_init1, IN_CLOEXEC | IN_NONBLOCK);
  for (int i = 0; fd == -EMFILE && i < kTries; ++i) {
    (void)poll({}, 1);
    fd = sys(__NR_inotify_init1, IN_CLOEXEC | IN_NONBLOCK);
  }
  return fd < 0 ? UniqueFd() : UniqueFd(static_cast<int>(fd));
}

bool is_number_free([[maybe_unused]] std::uint64_t device) {
#ifdef __NR_ustat
  std::array<std::byte, 64> ignored;
  return sys(__NR_ustat, device, ignored.data()) == -EINVAL;
#else
  return false;
#endif
}

}  // namespace

Result<std::uint64_t> used_bytes(int fd) {
  struct statfs st{};
  const long ret = sys(__NR_fstatfs, fd, &st);
  if (ret < 0) {
    return failed("statfs", "", static_cast<int>(-ret));
  }
  return static_cast<std::uint64_t>(st.f_blocks - st.f_bfree) *
         static_cast<std::uint64_t>(st.f_bsize);
}

Result<std::uint64_t> file_system_number(int fd) {
  const struct statx st = RECAP_TRY(stat_at(fd, "", AT_EMPTY_PATH));
  return encoded(st.stx_dev_major, st.stx_dev_minor);
}

Status UnmountWatch::add_number(std::uint64_t device) {
  if (count_ == kMost) {
    return base::Error(base::Kind::kInternal, "too many file systems are watched");
  }
  devices_[count_++] = device;
  return {};
}

Status UnmountWatch::add(int fd) {
  RECAP_TRY(add_number(RECAP_TRY(file_system_number(fd))));
  if (count_ == 1) {
    events_ = make_instance();
  }
  if (events_.valid()) {
    const auto path = base::concat<32>("/proc/self/fd/", fd);
    // Any event would do for the mask; this one hardly comes, and IN_UNMOUNT always does.
    if (sys(__NR_inotify_add_watch, events_.get(), path.c_str(), IN_DELETE_SELF) < 0) {
      events_.reset();
    }
  }
  return {};
}

UnmountWatch::State UnmountWatch::await(std::int64_t timeout_ms) {
  const std::uint64_t deadline =
      monotonic_ns() + static_cast<std::uint64_t>(timeout_ms) * 1'000'000;
  std::uint32_t gone = 0;
  while (events_.valid() && gone < count_) {
    alignas(inotify_event) std::array<std::byte, 512> buffer;
    const auto size = read_some(events_.get(), buffer);
    gone += size ? unmounts_in(std::span(buffer).first(*size)) : 0;
    const std::uint64_t now = monotonic_ns();
    if (gone < count_ && now >= deadline) {
      return State::kHeld;
    }
    PollFd more[] = {{.fd = events_.get(), .events = kPollIn}};
    if (gone < count_) {
      (void)poll(more, static_cast<std::int64_t>((deadline - now) / 1'000'000) + 1);
    }
  }
  bool all_free = true;
  for (std::uint32_t i = 0; i < count_ && !events_.valid(); ++i) {
    while (!is_number_free(devices_[i]) && monotonic_ns() < deadline) {
      (void)poll({}, 1);
    }
    all_free = all_free && is_number_free(devices_[i]);
  }
  return all_free ? State::kGone : State::kUnknown;
}

}  // namespace recap::linux
