// SPDX-License-Identifier: Apache-2.0
// System V IPC objects outlive their makers. In a shared ipc namespace those of the run are known
// by their creator's uid, which is the run's alone. POSIX message queues would too: there the
// function may make none (RLIMIT_MSGQUEUE, engine/confine).
#pragma once

#include <string_view>

#include "engine/ids.h"

namespace recap::engine {

// Removes the run's objects from the calling process' ipc namespace; `left(description)` is called
// for each that could not be. Does nothing for a uid that is not the run's own (run-as target or
// root): there the objects cannot be told from the target's.
using ReportLeft = void (*)(void* context, std::string_view what);
void remove_ipc_objects(const RunIds& ids, void* context, ReportLeft left);

template <typename F>
void remove_ipc_objects(const RunIds& ids, F&& left) {
  remove_ipc_objects(ids, &left, [](void* context, std::string_view what) {
    (*static_cast<std::remove_reference_t<F>*>(context))(what);
  });
}

}  // namespace recap::engine
