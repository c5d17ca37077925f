// SPDX-License-Identifier: Apache-2.0
// The part of fs.h that is about pipes.
#include <asm/unistd.h>
#include <fcntl.h>

#include "linux/error.h"
#include "linux/fs.h"
#include "linux/syscall.h"

namespace recap::linux {

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  const long ret = sys(__NR_pipe2, &ends[0], O_CLOEXEC);
  if (ret < 0) {
    return failed("create pipe", "", static_cast<int>(-ret));
  }
  return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

Result<std::size_t> pipe_capacity(int fd) {
  const long ret = sys(__NR_fcntl, fd, F_GETPIPE_SZ);
  if (ret < 0) {
    return failed("read the size of", "pipe", static_cast<int>(-ret));
  }
  return static_cast<std::size_t>(ret);
}

}  // namespace recap::linux
