// SPDX-License-Identifier: Apache-2.0
// What a function with special rights may leave in the target, beyond what dies with its processes:
// stopped processes (SYS_PTRACE, KILL), network objects (NET_ADMIN), and System V objects under a
// uid that is not the run's own. The outer stub looks before the function and after it, with the
// Capsule's /proc, which shows the target; what differs is named in the record. Runs without such
// rights pay nothing.
//
// A difference may be the target's own doing: the record says what was seen, for a person to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "run/spec.h"

namespace recap::engine {

// What was there: one number for each object, sorted, in memory that is mapped when it is needed.
struct Observation {
  static constexpr std::size_t kMax = 1U << 16U;
  std::span<std::uint64_t> objects;
  std::size_t count = 0;
  bool complete = true;  // false: there was more than fits, so nothing can be compared
};

Observation observe(const run::Spec& spec);

using ReportDifference = void (*)(void* context, std::string_view what);
void compare(const run::Spec& spec, const Observation& before, void* context,
             ReportDifference report);

// Looks again, and calls `report("class: detail")` for each thing that was not there before; once,
// saying so, when that is not known.
template <typename F>
void compare(const run::Spec& spec, const Observation& before, F&& report) {
  compare(spec, before, &report, [](void* context, std::string_view what) {
    (*static_cast<std::remove_reference_t<F>*>(context))(what);
  });
}

}  // namespace recap::engine
