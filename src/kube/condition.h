// SPDX-License-Identifier: Apache-2.0
// Times and conditions (metav1.Time, metav1.Condition) as an object's status has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace recap::kube {

// "2026-11-24T18:00:00Z".
std::string api_time(std::int64_t unix_s);

// As of now.
boost::json::object condition(std::string_view type, bool holds, std::string_view reason,
                              std::string_view message, std::int64_t generation);

}  // namespace recap::kube
