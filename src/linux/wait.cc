// SPDX-License-Identifier: Apache-2.0
// Waiting for children (declared in process.h).
#include <asm/unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>

#include "linux/error.h"
#include "linux/process.h"
#include "linux/syscall.h"

namespace recap::linux {

Result<Ended> wait_any() {
  Ended ended;
  rusage used{};
  long ret = 0;
  do {
    ret = sys(__NR_wait4, -1, &ended.status, 0, &used);
  } while (ret == -EINTR);
  if (ret < 0) {
    return failed("wait for", "children", static_cast<int>(-ret));
  }
  ended.pid = static_cast<int>(ret);
  ended.used_storage = used.ru_inblock != 0 || used.ru_oublock != 0;
  return ended;
}

bool has_children() {
  long ret = 0;
  do {
    ret = sys(__NR_wait4, -1, nullptr, WNOHANG, nullptr);
  } while (ret > 0);
  return ret == 0;
}

void continue_stopped_children() {
  int status = 0;
  for (long pid = 1; pid > 0;) {
    pid = sys(__NR_wait4, -1, &status, WNOHANG | WUNTRACED, nullptr);
    if (pid > 0 && WIFSTOPPED(status)) {
      (void)send_signal_to(static_cast<int>(pid), SIGCONT);
    }
  }
}

}  // namespace recap::linux
