// SPDX-License-Identifier: Apache-2.0
// What there is in a network namespace that NET_ADMIN could make or change and that has no process:
// interfaces and their settings, addresses, routes and routing rules, lasting neighbours, queueing
// disciplines. Counters, timers and whether a cable is plugged in are left out.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace recap::engine {

using base::Result;
using base::Status;

// `identity` is equal for equal objects, whatever of them the name has room for.
using VisitObject = void (*)(void* context, std::uint64_t identity, std::string_view name);

// Calls `visit` with the name "network: …" of each, by an rtnetlink socket of that namespace.
Status each_network_object(int rtnetlink, std::uint64_t deadline_ns, void* context,
                           VisitObject visit);

template <typename F>
Status each_network_object(int rtnetlink, std::uint64_t deadline_ns, F&& visit) {
  return each_network_object(rtnetlink, deadline_ns, &visit,
                             [](void* context, std::uint64_t identity, std::string_view name) {
                               (*static_cast<std::remove_reference_t<F>*>(context))(identity, name);
                             });
}

}  // namespace recap::engine
