// SPDX-License-Identifier: Apache-2.0
// Our own pipe ends do not block. The caller's descriptors may, for their flags belong to whoever
// shares them; a write to those is at most what poll(2) promised room for.
#include "capsule/relay.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>

#include "linux/fs.h"

namespace recap::capsule {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::size_t kTerminalBytes = std::size_t{1} << 20;  // more than a terminal holds
constexpr int kReady = linux::kPollIn | linux::kPollOut | linux::kPollErr | linux::kPollHup;

bool try_later(int err) { return err == EAGAIN || err == EINTR; }

}  // namespace

void Relay::watch(std::span<linux::PollFd> slots) const {
  const bool full = written_ < buffer_.size();
  slots[0] = {full || at_end_ || done() ? -1 : from_.get(), linux::kPollIn, 0};
  slots[1] = {full ? to_.get() : -1, linux::kPollOut, 0};
}

void Relay::take_the_rest() { rest_ = linux::pipe_capacity(from_.get()).value_or(kTerminalBytes); }

void Relay::advance(std::span<const linux::PollFd> slots) {
  if (slots[0].fd >= 0 && slots[0].revents == 0) {
    at_end_ = at_end_ || rest_.has_value();
  }
  if (slots[0].fd >= 0 && (slots[0].revents & kReady) != 0) {
    read_once();
    if (!to_.may_block() && written_ < buffer_.size()) {
      write_once();
    }
  }
  if (slots[1].fd >= 0 && (slots[1].revents & kReady) != 0) {
    write_once();
  }
  if (at_end_ && written_ == buffer_.size()) {
    finish();
  }
}

void Relay::read_once() {
  buffer_.resize(std::min(kReadBytes, rest_.value_or(kReadBytes)));
  written_ = 0;
  const ssize_t n = ::read(from_.get(), buffer_.data(), buffer_.size());
  buffer_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  // EIO is how a pty says that its other side is closed, and a terminal that it hung up.
  at_end_ = n == 0 || (n < 0 && !try_later(errno));
  if (rest_ && n > 0) {
    *rest_ -= static_cast<std::size_t>(n);
    at_end_ = *rest_ == 0;
  }
  if (filter_ != nullptr && n > 0 && !filter_(context_, buffer_)) {
    detach_ = true;
  }
}

void Relay::write_once() {
  const std::size_t left = buffer_.size() - written_;
  const std::size_t size = to_.may_block() ? std::min<std::size_t>(left, PIPE_BUF) : left;
  const ssize_t n = ::write(to_.get(), buffer_.data() + written_, size);
  if (n >= 0) {
    written_ += static_cast<std::size_t>(n);
  } else if (!try_later(errno)) {
    finish();  // nobody reads it: closing our source lets the writer know, by SIGPIPE
  }
}

void Relay::finish() {
  from_.close();
  to_.close();
  at_end_ = true;
  buffer_.clear();
  written_ = 0;
}

}  // namespace recap::capsule
