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

// The ipc namespace of the process `pid`. The caller makes sure afterwards that it was the one
// meant.
Result<linux::UniqueFd> open_ipc_namespace(std::uint32_t pid);

// Goes into the ipc namespace `ipc_ns`, removes the run's objects there, and comes back;
// `left("class: detail")` is called for what is there all the same ("ipc") or could not even be
// read
// ("unverified"). Does nothing for a uid that is not the run's own (run-as target or root): there
// the objects cannot be told from the target's.
using ReportLeft = void (*)(void* context, std::string_view what);
Status remove_ipc_objects(int ipc_ns, const RunIds& ids, void* context, ReportLeft left);

template <typename F>
Status remove_ipc_objects(int ipc_ns, const RunIds& ids, F&& left) {
  return remove_ipc_objects(ipc_ns, ids, &left, [](void* context, std::string_view what) {
    (*static_cast<std::remove_reference_t<F>*>(context))(what);
  });
}

// Every object of that namespace that is not the run's by its creator's uid, as one number: its
// kind and its id.
using VisitIpcObject = void (*)(void* context, std::uint64_t object);
Status each_other_ipc_object(int ipc_ns, const RunIds& ids, void* context, VisitIpcObject visit);

template <typename F>
Status each_other_ipc_object(int ipc_ns, const RunIds& ids, F&& visit) {
  return each_other_ipc_object(ipc_ns, ids, &visit, [](void* context, std::uint64_t object) {
    (*static_cast<std::remove_reference_t<F>*>(context))(object);
  });
}
std::string_view ipc_kind_name(std::uint64_t object);
std::uint32_t ipc_id(std::uint64_t object);

}  // namespace recap::engine
