// SPDX-License-Identifier: Apache-2.0
// The objects of one collection as the API server was last seen to have them, on disk: a Caplet
// that is started while the server is away goes on with them.
//
// One small file each in DATA/caplet/cache/COLLECTION, replaced atomically whenever its object
// changes, and not synced: after a power cut an object that is missing or damaged is not known, and
// nothing runs that was not declared.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "capsule/dirs.h"

namespace recap::caplet {

class ObjectCache {
 public:
  ObjectCache(const capsule::Dirs& dirs, std::string_view collection);

  void put(const boost::json::object& object);
  void erase(std::string_view key);  // "namespace/name", or "name"
  // The whole collection has been seen: drops every object whose key is not `known`.
  void complete(const std::function<bool(std::string_view key)>& known);

  // Nothing unless the whole collection had been seen and all of it could be kept: a part of it
  // would say of the rest that it was deleted.
  [[nodiscard]] std::optional<std::vector<boost::json::object>> load() const;
  [[nodiscard]] std::optional<boost::json::object> find(std::string_view key) const;

 private:
  base::Status write(const std::string& name, const std::string& text);

  std::string path_;
  bool fails_ = false;  // said once
};

}  // namespace recap::caplet
