// SPDX-License-Identifier: Apache-2.0
// Finalizers of an object: what has to happen before a deletion ends.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

#include "kube/kinds.h"

namespace recap::kube {

// Of a CapsuleRun: its run has Escaped.
inline constexpr const char* kEscapeFinalizer = "recap.dev/escape";

bool has_finalizer(const ObjectMeta& object, std::string_view name);

// The merge patch that puts `name` on or takes it off. Conflict: somebody else has written since
// `object` was read, for the list is replaced as a whole.
boost::json::object finalizer_patch(const ObjectMeta& object, std::string_view name, bool on);

}  // namespace recap::kube
