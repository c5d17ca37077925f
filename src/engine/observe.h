// SPDX-License-Identifier: Apache-2.0
// What a function with special rights may leave in the target, beyond what dies with its processes:
// stopped processes (SYS_PTRACE, KILL), changes to the network (NET_ADMIN), and System V objects
// under a uid that is not the run's own. The keeper looks before anything of the run is in the
// target, and when all of it is dead; what differs is named in the record. Runs without such rights
// pay nothing.
//
// A difference may be the target's own doing: the record says what was seen, for a person to judge.
// What could not be looked at is no answer, and said too: "unverified: …".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/target_objects.h"

namespace recap::engine {

// What was there, sorted, in memory that is mapped when it is needed.
struct Observation {
  static constexpr std::size_t kMax = 1U << 16U;
  struct Object {
    std::uint64_t identity = 0;
    std::uint32_t name = 0, name_size = 0;  // in `names`
  };
  std::span<Object> objects;
  std::size_t count = 0;
  std::span<char> names;
  std::size_t names_size = 0;
  // Why nothing can be compared: it could not be read, or there was more than fits.
  Status status;
};

Observation observe(const run::Spec& spec, const RunIds& ids, const Target& target);

// Calls `report("class: detail")` for each thing that was not there before, or is not there any
// more; once, saying so, when that is not known.
using ReportDifference = void (*)(void* context, std::string_view what);
void compare(const Observation& before, const Observation& after, void* context,
             ReportDifference report);

template <typename F>
void compare(const Observation& before, const Observation& after, F&& report) {
  compare(before, after, &report, [](void* context, std::string_view what) {
    (*static_cast<std::remove_reference_t<F>*>(context))(what);
  });
}

}  // namespace recap::engine
