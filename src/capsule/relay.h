// SPDX-License-Identifier: Apache-2.0
// Copies bytes from one descriptor to another, unchanged and in order, as fast as the slower side
// allows: it reads only when everything read so far was written.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "linux/socket.h"
#include "linux/unique_fd.h"

namespace recap::capsule {

// One end of a relay: our own descriptor, or the caller's (which is lent and never closed).
class RelayEnd {
 public:
  // `fd` must not block.
  static RelayEnd own(linux::UniqueFd fd) {
    RelayEnd end(fd.get(), false);
    end.owned_ = std::move(fd);
    return end;
  }
  static RelayEnd lend(int fd, bool may_block = true) { return RelayEnd(fd, may_block); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool may_block() const { return may_block_; }
  // After this, `get()` is -1, which poll(2) ignores.
  void close() {
    owned_.reset();
    fd_ = -1;
  }

 private:
  RelayEnd(int fd, bool may_block) : fd_(fd), may_block_(may_block) {}
  int fd_ = -1;
  bool may_block_ = true;
  linux::UniqueFd owned_;
};

class Relay {
 public:
  enum class Direction : unsigned char { kToFunction, kFromFunction };

  // Looks at the bytes of a relay before they are written, and may change them. False: the user
  // asked to detach.
  using Filter = bool (*)(void* context, std::string& bytes);

  Relay(Direction direction, RelayEnd from, RelayEnd to)
      : direction_(direction), from_(std::move(from)), to_(std::move(to)) {}

  void set_filter(Filter filter, void* context) {
    filter_ = filter;
    context_ = context;
  }

  // What to wait for: `slots[0]` for the source, `slots[1]` for the sink.
  void watch(std::span<linux::PollFd> slots) const;
  // Nothing of ours writes any more: what the source holds now is still copied, and whoever else
  // may hold its other end is not waited for.
  void take_the_rest();
  // Does what is possible now.
  void advance(std::span<const linux::PollFd> slots);

  [[nodiscard]] bool done() const { return to_.get() < 0; }
  [[nodiscard]] Direction direction() const { return direction_; }
  [[nodiscard]] bool detach_requested() const { return detach_; }

 private:
  void read_once();
  void write_once();
  void finish();

  Direction direction_;
  RelayEnd from_, to_;
  std::string buffer_;
  std::size_t written_ = 0;
  std::optional<std::size_t> rest_;  // how much may still be read
  bool at_end_ = false;
  bool detach_ = false;
  Filter filter_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace recap::capsule
