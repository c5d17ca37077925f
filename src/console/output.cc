// SPDX-License-Identifier: Apache-2.0
#include "console/output.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/fixed_string.h"
#include "console/escape.h"

namespace recap::console {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;
constexpr std::size_t kLongestMessage = 2000;  // in columns: a name of 1 MiB is no message

// While nobody reads `fd`, signals do what they do by themselves, also those that a SignalWatch
// blocks: it is not looked at any more, and a write(2) that waits could not be ended.
void wait_writable(int fd) {
  pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
  if (::poll(&wait, 1, 0) == 0) {
    sigset_t none;
    sigemptyset(&none);
    ::ppoll(&wait, 1, nullptr, &none);
  }
}

// 0 or errno. A descriptor shared with others may be non-blocking.
int write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    wait_writable(fd);
    // As much as a pipe that poll(2) calls writable takes without waiting.
    const ssize_t n = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

base::Status status_of(int error) {
  if (error == 0) {
    return {};
  }
  const auto kind = error == ENOSPC ? base::Kind::kExhausted : base::Kind::kInvalid;
  return base::Error(kind, base::concat<200>("writing failed: ", std::strerror(error)), error);
}

}  // namespace

Output& Output::operator<<(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) {
    (void)flush();  // remembered in error_
  }
  return *this;
}

base::Status Output::flush() {
  if (error_ == 0) {
    error_ = write_fully(fd_, buffer_);
  }
  buffer_.clear();
  return status_of(error_);
}

int Output::finish(std::string_view verb, int code) {
  if (const base::Status done = flush(); !done) {
    return fail(verb, done.error());
  }
  return code;
}

base::Status write_all(int fd, std::string_view bytes) { return status_of(write_fully(fd, bytes)); }

void complain(std::string_view verb, std::string_view message) {
  std::string line = "recap";
  if (!verb.empty()) {
    line.append(" ").append(verb);
  }
  line.append(": ").append(printable(message, kLongestMessage)).append("\n");
  (void)write_fully(STDERR_FILENO, line);
}

int fail(std::string_view verb, const base::Error& error) {
  complain(verb, error.message());
  return kExitOurs;
}

}  // namespace recap::console
