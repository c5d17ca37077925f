// SPDX-License-Identifier: Apache-2.0
// Objects of the API as JSON, read leniently: what is absent or of another type reads as empty. It
// is what the API server has checked against a schema; strictness belongs where people write.
// The one place where the library parses, and where its errors become ours.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace recap::kube {

using Path = std::initializer_list<std::string_view>;

// kCorrupt when `text` is no JSON object or is nested deeper than 64; `what` names it.
base::Result<boost::json::object> parse_object(std::string_view text, std::string_view what);

// text_at(pod, {"spec", "nodeName"}): the views live as long as the object.
const boost::json::value* value_at(const boost::json::object& from, Path path);
const boost::json::object* object_at(const boost::json::object& from, Path path);
const boost::json::array* array_at(const boost::json::object& from, Path path);
std::string_view text_at(const boost::json::object& from, Path path);
std::optional<std::int64_t> number_at(const boost::json::object& from, Path path);
bool flag_at(const boost::json::object& from, Path path);

// What every object has.
struct Meta {
  std::string name;
  std::string ns;  // "" for cluster-scoped ones
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
};
Meta meta_of(const boost::json::object& object);

// "namespace/name", or "name" of a cluster-scoped object.
std::string key_of(const Meta& meta);

// RFC 3339 with microseconds in UTC, as metav1.MicroTime has it, of nanoseconds since 1970.
std::string micro_time(std::int64_t unix_ns);
// The other way, with or without fraction, UTC only ("Z"); nothing when it is no such time. What is
// later than 2255 is 2255.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace recap::kube
