// SPDX-License-Identifier: Apache-2.0
// signalfd(2): signals become one more descriptor of the loop, so no code runs in a handler.
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "capsule/follow.h"
#include "linux/error.h"

namespace recap::capsule {
namespace {

// A blocked signal is queued even where it was ignored (signal(7)), so these must be left out.
bool is_ignored(int signal) {
  struct sigaction action{};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

base::Result<SignalWatch> SignalWatch::start() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) {
    if (!is_ignored(signal)) {
      sigaddset(&set, signal);
    }
  }
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return linux::failed("block", "signals", errno);
  }
  (void)::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error of write(2), not our end
  linux::UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) {
    return linux::failed("watch", "signals", errno);
  }
  return SignalWatch(std::move(fd));
}

int SignalWatch::next() const {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                              : 0;
}

}  // namespace recap::capsule
