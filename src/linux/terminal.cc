// SPDX-License-Identifier: Apache-2.0
#include "linux/terminal.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

Status unlock_pty(int master) {
  const int locked = 0;
  return status_of(sys(__NR_ioctl, master, TIOCSPTLCK, &locked), "unlock", "terminal");
}

Result<UniqueFd> open_pty_slave(int master) {
  const long ret = sys(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ret < 0) {
    return failed("open", "terminal", static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Status resize_pty(int master, std::uint16_t rows, std::uint16_t columns) {
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  return status_of(sys(__NR_ioctl, master, TIOCSWINSZ, &size), "resize", "terminal");
}

}  // namespace recap::linux
