// SPDX-License-Identifier: Apache-2.0
// /out is copied to where the caller wants it, by descriptors, after the function ended: nobody can
// swap a file under the copy any more. Regular files and directories only.
//
// In a directory a file gets its name when it is complete, and never that of another one. A place
// that takes its time (a pipe, a socket) is written to only when it has room.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/result.h"

namespace recap::engine {

// How a copy ended: what went wrong first, and how many bytes of regular files did not arrive.
struct Copied {
  base::Status status;
  std::uint64_t missing_bytes = 0;
};

// What a copy may take on the host: the limit of /out (run::Limits).
struct CopyLimit {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

// Returns when `to` takes more; false: nobody waits for the rest, so the copy ends.
using AwaitRoom = bool (*)(void* context, int to);

// All of the mount `out` into the directory `to`. What exists there already stays as it is, which
// is a failure (kExists). kExhausted, and nothing is copied, when it is more than `limit`.
Copied copy_artifacts(int out, int to, const CopyLimit& limit);

// The one regular file in `out` into the open file `to`; kNotFound when there is none, kInvalid
// when there are more. The limit as above.
Copied copy_single_artifact(int out, int to, const CopyLimit& limit, void* context,
                            AwaitRoom await_room);

template <typename F>
Copied copy_single_artifact(int out, int to, const CopyLimit& limit, F&& await_room) {
  return copy_single_artifact(out, to, limit, &await_room, [](void* context, int sink) {
    return (*static_cast<std::remove_reference_t<F>*>(context))(sink);
  });
}

}  // namespace recap::engine
