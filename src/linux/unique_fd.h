// SPDX-License-Identifier: Apache-2.0
// Owners of file descriptors. Move-only; `get()` lends, `release()` gives away.
// A PidFd, a DirFd and a mount are different kinds of descriptors, so they are different types.
#pragma once

#include <utility>

namespace recap::linux {

// Closes `fd`; errors are of no use to a caller that is done with it.
void close_fd(int fd);

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset(other.release());
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) {
      close_fd(old);
    }
  }

 private:
  int fd_ = -1;
};

// A directory (possibly opened with O_PATH) that *at calls start from.
class DirFd : public UniqueFd {
 public:
  using UniqueFd::UniqueFd;
};

// A process that cannot turn into another one (pidfd_open(2), Linux 5.3).
class PidFd : public UniqueFd {
 public:
  using UniqueFd::UniqueFd;
};

// A mount, attached or detached (fsmount(2), open_tree(2), Linux 5.2). Detached ones vanish with
// their last descriptor, which is why a crash leaves none behind.
class Mount : public UniqueFd {
 public:
  using UniqueFd::UniqueFd;
};

}  // namespace recap::linux
