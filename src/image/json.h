// SPDX-License-Identifier: Apache-2.0
// JSON of images, read strictly: what is there must have the type we expect, no key may occur
// twice (nor differ in case only, which some readers take for the same), and size and depth are
// bounded. So no two readers can see different things in one document.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "base/result.h"

namespace recap::image {

inline constexpr std::size_t kMaxJsonBytes = std::size_t{4} << 20;

// A document whose root is an object (parse_array: an array); `what` names it in errors.
base::Result<boost::json::object> parse_object(std::string_view text, std::string_view what);
base::Result<boost::json::array> parse_array(std::string_view text, std::string_view what);

// Members of an object. A missing one or null reads as empty; another type is kCorrupt.
base::Result<std::string> text_of(const boost::json::object& from, std::string_view key);
base::Result<std::vector<std::string>> words_of(const boost::json::object& from,
                                                std::string_view key);
base::Result<std::uint64_t> number_of(const boost::json::object& from, std::string_view key);
base::Result<const boost::json::object*> object_of(const boost::json::object& from,
                                                   std::string_view key);
base::Result<const boost::json::array*> array_of(const boost::json::object& from,
                                                 std::string_view key);

// An element of an array, as an object.
base::Result<const boost::json::object*> as_object(const boost::json::value& value);

}  // namespace recap::image
