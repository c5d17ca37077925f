// SPDX-License-Identifier: Apache-2.0
// What the function gets as its descriptors 0, 1 and 2, and which relays the caller has to run.
//
// Pipes and sockets of the caller are given as they are. A terminal, a file or a device is never
// given away (it would lead out of the Capsule): a pipe is, and the caller copies.
#pragma once

#include <array>
#include <vector>

#include "base/result.h"
#include "capsule/relay.h"
#include "linux/unique_fd.h"

namespace recap::capsule {

struct StdioWish {
  bool interactive = false;      // -i: the caller's stdin goes in
  bool terminal = false;         // -t: a pty comes later, nothing now
  bool detached = false;         // -d: the keeper keeps the output
  bool stdout_is_taken = false;  // --out -: the function's stdout goes to the caller's stderr
};

struct Stdio {
  linux::UniqueFd in, out, err;
  std::vector<Relay> relays;
};

base::Result<Stdio> connect_stdio(const StdioWish& wish);

// The caller's 0, 1 and 2 as they were: a pipe that is given as it is can be switched to O_NONBLOCK
// by the function, and stays so for whoever writes to it next. Restored when this goes.
class StdioFlags {
 public:
  StdioFlags();
  ~StdioFlags();
  StdioFlags(const StdioFlags&) = delete;
  StdioFlags& operator=(const StdioFlags&) = delete;

 private:
  std::array<int, 3> flags_{};  // -1: not open
};

// The caller's descriptor for a relay. A terminal is opened anew where possible: then it can be
// used without blocking, and its other users do not notice.
RelayEnd callers_end(int fd, int flags);

}  // namespace recap::capsule
