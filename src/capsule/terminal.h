// SPDX-License-Identifier: Apache-2.0
// The caller's terminal: raw while a function has it, as it was before afterwards.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::capsule {

// Raw mode for as long as it lives. Every way out of follow() destroys it; signals that would end
// the program are blocked and handled there.
class RawTerminal {
 public:
  static base::Result<RawTerminal> enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  RawTerminal(const RawTerminal&) = delete;
  ~RawTerminal() { restore(); }

  void restore();

 private:
  RawTerminal(int fd, const termios& before) : fd_(fd), before_(before) {}
  int fd_;
  termios before_;
};

// Gives the pty `master` the size of the terminal `from`.
void copy_window_size(int from, int master);

// "ctrl-p,ctrl-q": keys that leave a run without ending it. "" or "none": no keys do.
base::Result<std::string> parse_detach_keys(std::string_view text);
inline constexpr const char* kDefaultDetachKeys = "ctrl-p,ctrl-q";

// Finds the detach keys in what is typed. Keys of an unfinished sequence are held back until the
// next one decides.
class DetachKeys {
 public:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  // Replaces `typed` by what goes on to the function; false when the keys were seen.
  bool filter(std::string& typed);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace recap::capsule
