// SPDX-License-Identifier: Apache-2.0
// From what was declared to what is asked for: a Capsule's function as a request of capsule/.
#pragma once

#include <string>

#include "capsule/admit.h"
#include "capsule/request.h"
#include "kube/kinds.h"
#include "kube/kinds_parse.h"

namespace recap::caplet {

capsule::RunRequest request_of(const kube::FunctionSpec& function, const kube::EndSpec& end);

// What can be said before there is a target. kInvalid: a schedule, a time zone that this node does
// not know, or a limit that no program starts with.
base::Status check(const kube::Manifest& manifest);

// Whose run it is, for the record: "Capsule/shop/rotate-logs", with a generation behind '#' where
// there is one. At most 200 bytes.
std::string requester_of(std::string_view kind, const kube::ObjectMeta& meta);

// "rotate-logs-1a2b3c": what `recap ps` shows.
std::string name_of_run(std::string_view capsule, std::string_view run_id);

}  // namespace recap::caplet
