// SPDX-License-Identifier: Apache-2.0
// The part of fs.h that is about descriptors themselves: their flags and their numbers.
#include <asm/unistd.h>
#include <fcntl.h>

#include <cerrno>

#include "linux/error.h"
#include "linux/fs.h"
#include "linux/syscall.h"

namespace recap::linux {

void close_fd(int fd) { sys(__NR_close, fd); }

Status set_nonblocking(int fd, bool on) {
  const long flags = sys(__NR_fcntl, fd, F_GETFL);
  if (flags < 0) {
    return failed("read the flags of", "descriptor", static_cast<int>(-flags));
  }
  const long wanted = on ? flags | O_NONBLOCK : flags & ~static_cast<long>(O_NONBLOCK);
  return status_of(sys(__NR_fcntl, fd, F_SETFL, wanted), "set the flags of", "descriptor");
}

Result<UniqueFd> duplicate(int fd, int at_least) {
  const long ret = sys(__NR_fcntl, fd, F_DUPFD_CLOEXEC, at_least);
  if (ret == -EINVAL) {  // what F_DUPFD says where `at_least` is above the limit
    return failed("duplicate", "descriptor", EMFILE);
  }
  if (ret < 0) {
    return failed("duplicate", "descriptor", static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Status close_on_exec(int fd) {
  return status_of(sys(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC), "mark", "descriptor");
}

Status duplicate_to(int fd, int number, bool close_on_exec) {
  if (fd == number) {  // dup3 would refuse; only the flag is to be set
    return status_of(sys(__NR_fcntl, fd, F_SETFD, close_on_exec ? FD_CLOEXEC : 0), "pass on",
                     "descriptor");
  }
  return status_of(sys(__NR_dup3, fd, number, close_on_exec ? O_CLOEXEC : 0), "duplicate",
                   "descriptor");
}

}  // namespace recap::linux
