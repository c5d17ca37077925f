// SPDX-License-Identifier: Apache-2.0
// What there is in the target that a function with special rights could make or change, and that
// does not die with its processes: each thing has a name, "class: detail".
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "engine/ids.h"
#include "run/spec.h"

namespace recap::engine {

using base::Status;

// What is looked at for a run with this grant: a set of these.
inline constexpr std::uint8_t kLooksAtProcesses = 1U << 0U;
inline constexpr std::uint8_t kLooksAtIpc = 1U << 1U;
inline constexpr std::uint8_t kLooksAtNetwork = 1U << 2U;
std::uint8_t looks_at(const run::Spec& spec);

// Calls `visit(name)` for each, by the /proc and /sys of the calling process; some more than once.
// All that can be read is; the first failure is returned.
using VisitName = void (*)(void* context, std::string_view name);
Status each_object(const run::Spec& spec, const RunIds& ids, void* context, VisitName visit);

template <typename F>
Status each_object(const run::Spec& spec, const RunIds& ids, F&& visit) {
  return each_object(spec, ids, &visit, [](void* context, std::string_view name) {
    (*static_cast<std::remove_reference_t<F>*>(context))(name);
  });
}

}  // namespace recap::engine
