// SPDX-License-Identifier: Apache-2.0
// Pseudoterminals by descriptor (pty(7), ioctl_tty(2)). No call allocates or locks.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

Status unlock_pty(int master);
// The other end, by the master's descriptor and not by a name (TIOCGPTPEER, 4.13).
Result<UniqueFd> open_pty_slave(int master);
Status resize_pty(int master, std::uint16_t rows, std::uint16_t columns);

}  // namespace recap::linux
