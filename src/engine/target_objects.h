// SPDX-License-Identifier: Apache-2.0
// What there is in the target that a function with special rights could make or change, and that
// does not die with its processes: each thing has a name, "class: detail".
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "engine/ids.h"
#include "engine/network_objects.h"
#include "engine/viewpoint.h"
#include "run/spec.h"

namespace recap::engine {

// The target as the keeper sees it.
struct Target {
  const Viewpoint* view = nullptr;
  int ipc_ns = -1;
};

// Calls `visit` for each that a run with this grant could leave. kTimeout when that takes more than
// 2 s: how much there is is the target's doing. kBusy: it changed meanwhile, ask again.
Status each_object(const run::Spec& spec, const RunIds& ids, const Target& target, void* context,
                   VisitObject visit);

template <typename F>
Status each_object(const run::Spec& spec, const RunIds& ids, const Target& target, F&& visit) {
  return each_object(spec, ids, target, &visit,
                     [](void* context, std::uint64_t identity, std::string_view name) {
                       (*static_cast<std::remove_reference_t<F>*>(context))(identity, name);
                     });
}

}  // namespace recap::engine
