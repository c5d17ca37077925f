// SPDX-License-Identifier: Apache-2.0
#include "kube/finalizer.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

namespace recap::kube {

namespace json = boost::json;

bool has_finalizer(const ObjectMeta& object, std::string_view name) {
  return std::ranges::find(object.finalizers, name) != object.finalizers.end();
}

json::object finalizer_patch(const ObjectMeta& object, std::string_view name, bool on) {
  json::array finalizers;
  for (const std::string& finalizer : object.finalizers) {
    if (finalizer != name) {
      finalizers.emplace_back(finalizer);
    }
  }
  if (on) {
    finalizers.emplace_back(name);
  }
  return {{"metadata", json::object{{"uid", object.uid},
                                    {"resourceVersion", object.resource_version},
                                    {"finalizers", std::move(finalizers)}}}};
}

}  // namespace recap::kube
