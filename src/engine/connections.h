// SPDX-License-Identifier: Apache-2.0
// TCP connections that outlive the process that closed them: as long as the other end does not read
// what was sent, the kernel keeps them and their data, for minutes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "engine/ids.h"

namespace recap::engine {

using base::Result;

// Whether there is any on this host, in whatever network namespace: cheap to ask.
bool orphans_exist();

// The run's, by the uid that made them, in the network namespace of `sock_diag` (linux/net_dump.h).
// Before 6.17 the kernel does not tell whose they are, and none is found; nor where the uid is not
// the run's own.
struct Orphans {
  std::size_t count = 0;
  std::uint64_t unsent_bytes = 0;
};
Result<Orphans> find_orphans(int sock_diag, const RunIds& ids);

// Destroys them, and what they have not sent; returns how many are left.
Result<std::size_t> destroy_orphans(int sock_diag, const RunIds& ids);

}  // namespace recap::engine
