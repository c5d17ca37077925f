// SPDX-License-Identifier: Apache-2.0
// System V IPC objects outlive their makers. In a shared ipc namespace those of the run are known
// by their creator's uid, which is the run's alone. POSIX message queues would too: there the
// function may make none (RLIMIT_MSGQUEUE, engine/confine).
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

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

// Every object of the namespace, as one number: its kind and its id.
using VisitObject = void (*)(void* context, std::uint64_t object);
void each_ipc_object(void* context, VisitObject visit);

template <typename F>
void each_ipc_object(F&& visit) {
  each_ipc_object(&visit, [](void* context, std::uint64_t object) {
    (*static_cast<std::remove_reference_t<F>*>(context))(object);
  });
}
std::string_view ipc_kind_name(std::uint64_t object);
std::uint32_t ipc_id(std::uint64_t object);

}  // namespace recap::engine
