// SPDX-License-Identifier: Apache-2.0
// What a function with special rights may leave in the target, beyond what dies with its processes:
// stopped processes (SYS_PTRACE, KILL), network objects (NET_ADMIN), and System V objects under a
// uid that is not the run's own. The outer stub looks before the function and after it, with the
// Capsule's /proc, which shows the target; what differs is named in the record. Runs without such
// rights pay nothing.
//
// A difference may be the target's own doing: the record says what was seen, for a person to judge.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "run/spec.h"

namespace recap::engine {

struct Observation {
  static constexpr std::size_t kMax = 128;
  std::array<std::int32_t, kMax> stopped;  // pids in state T or t
  std::size_t stopped_count = 0;
  std::array<std::uint64_t, kMax> ipc;  // kind and id
  std::size_t ipc_count = 0;
  static constexpr std::size_t kMaxNetwork = 512;
  std::array<std::uint64_t, kMaxNetwork> network;  // hashes of interfaces, addresses and routes
  std::size_t network_count = 0;
};

Observation observe(const run::Spec& spec);

using ReportDifference = void (*)(void* context, std::string_view what);
void compare(const run::Spec& spec, const Observation& before, void* context,
             ReportDifference report);

// Looks again, and calls `report("class: detail")` for each thing that was not there before.
template <typename F>
void compare(const run::Spec& spec, const Observation& before, F&& report) {
  compare(spec, before, &report, [](void* context, std::string_view what) {
    (*static_cast<std::remove_reference_t<F>*>(context))(what);
  });
}

}  // namespace recap::engine
