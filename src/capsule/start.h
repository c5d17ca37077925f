// SPDX-License-Identifier: Apache-2.0
// Starting a keeper. Its program is part of this one, and runs from a sealed memfd: neither the
// target nor a file on disk can change it (CVE-2019-5736).
#pragma once

#include <string_view>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::capsule {

// The descriptors of run::KeeperFd. All but `out` must be valid.
struct KeeperFds {
  linux::UniqueFd in, out, err;
  linux::UniqueFd spec;
  linux::UniqueFd target;
  linux::UniqueFd caller;
  linux::UniqueFd artifacts;  // invalid: OutMode::kNone
};

// Starts a keeper in a session of its own, with those descriptors and no others, no environment,
// default signals, in "/". Our copies are closed. kUnsupported when the kernel forbids executable
// memfds (vm.memfd_noexec).
base::Result<linux::PidFd> start_keeper(KeeperFds fds);

// A keeper that cleans up after the run whose directory this is: argv {"recap-keeper", "recover"},
// descriptor 3 the directory, the others of run::KeeperFd /dev/null.
base::Result<linux::PidFd> start_recovery(linux::UniqueFd run_dir);

}  // namespace recap::capsule
