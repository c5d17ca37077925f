// SPDX-License-Identifier: Apache-2.0
// The function never has this terminal, only a pty of its own: a program that owns a terminal can
// type into it (TIOCSTI), and so into the operator's shell.
#include "capsule/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "linux/error.h"

namespace recap::capsule {

base::Result<RawTerminal> RawTerminal::enter(int fd) {
  termios before{};
  if (::tcgetattr(fd, &before) != 0) {
    return linux::failed("read the settings of", "the terminal", errno);
  }
  termios raw = before;
  ::cfmakeraw(&raw);
  // TCSADRAIN: what was typed ahead is for the function, what was printed before stays readable.
  if (::tcsetattr(fd, TCSADRAIN, &raw) != 0) {
    return linux::failed("change the settings of", "the terminal", errno);
  }
  return RawTerminal(fd, before);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

void RawTerminal::restore() {
  if (fd_ >= 0) {
    (void)::tcsetattr(std::exchange(fd_, -1), TCSADRAIN, &before_);
  }
}

void copy_window_size(int from, int master) {
  winsize size{};
  if (::ioctl(from, TIOCGWINSZ, &size) == 0) {
    (void)::ioctl(master, TIOCSWINSZ, &size);
  }
}

base::Result<std::string> parse_detach_keys(std::string_view text) {
  std::string keys;
  if (text.empty() || text == "none") {
    return keys;
  }
  while (true) {
    const std::size_t comma = text.find(',', 1);
    const std::string_view key = text.substr(0, comma);
    const bool control = key.size() == 6 && key.starts_with("ctrl-");
    const char c = control ? key[5] : key.size() == 1 ? key[0] : '\0';
    const bool has_control = (c >= 'a' && c <= 'z') || (c >= '@' && c <= '_');
    if (c == '\0' || (control && !has_control)) {
      return base::Error(base::Kind::kInvalid,
                         base::concat<300>("'", key.substr(0, 32),
                                           "' is no key: write detach keys like ctrl-p,ctrl-q"));
    }
    keys += control ? static_cast<char>(c & 0x1f) : c;
    if (comma == std::string_view::npos) {
      return keys;
    }
    text.remove_prefix(comma + 1);
  }
}

bool DetachKeys::filter(std::string& typed) {
  if (keys_.empty()) {
    return true;
  }
  std::string passed;
  for (const char key : typed) {
    if (key == keys_[matched_]) {
      if (++matched_ == keys_.size()) {
        typed = passed;
        return false;
      }
      continue;
    }
    passed += keys_.substr(0, matched_);
    matched_ = key == keys_[0] ? 1 : 0;
    if (matched_ == 0) {
      passed += key;
    }
  }
  typed = passed;
  return true;
}

}  // namespace recap::capsule
