// SPDX-License-Identifier: Apache-2.0
// See json.h.
#include "targets/json.h"

#include <exception>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "targets/text.h"

namespace recap::targets {

using base::Error;
using base::Kind;
using base::Result;

// Freed at once with its document: values are never changed, so nothing needs freeing before.
struct JsonDocument::Storage {
  boost::json::monotonic_resource memory;
  boost::json::value root;
  Storage() : root(boost::json::storage_ptr(&memory)) {}
};

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::string_view what) {
  if (text.size() > kMaxJsonBytes) {
    return Error(Kind::kCorrupt, std::string(what) + " is larger than 16 MiB");
  }
  try {
    auto storage = std::make_unique<Storage>();
    boost::json::parse_options options;
    options.max_depth = 64;
    boost::json::error_code error;
    storage->root = boost::json::parse(text, error, &storage->memory, options);
    if (error) {
      return Error(Kind::kCorrupt, std::string(what) + " is not valid JSON");
    }
    return JsonDocument(std::move(storage));
  } catch (const std::exception&) {  // only allocation is left to fail
    return Error(Kind::kExhausted, std::string(what) + " does not fit into memory");
  }
}

JsonDocument::JsonDocument(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
JsonDocument::JsonDocument(JsonDocument&& other) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&& other) noexcept = default;
JsonDocument::~JsonDocument() = default;

Json JsonDocument::root() const { return Json(&storage_->root); }

Json Json::operator[](std::string_view name) const {
  const auto* object = value_ != nullptr ? value_->if_object() : nullptr;
  return object != nullptr ? Json(object->if_contains(name)) : Json();
}

Json Json::at(std::size_t index) const {
  const auto* array = value_ != nullptr ? value_->if_array() : nullptr;
  return array != nullptr && index < array->size() ? Json(array->data() + index) : Json();
}

std::size_t Json::size() const {
  if (value_ == nullptr) {
    return 0;
  }
  if (const auto* array = value_->if_array()) {
    return array->size();
  }
  const auto* object = value_->if_object();
  return object != nullptr ? object->size() : 0;
}

std::string_view Json::key(std::size_t index) const {
  const auto* object = value_ != nullptr ? value_->if_object() : nullptr;
  if (object == nullptr || index >= object->size()) {
    return {};
  }
  const auto name = (object->begin() + static_cast<std::ptrdiff_t>(index))->key();
  return {name.data(), name.size()};
}

Json Json::member(std::size_t index) const {
  const auto* object = value_ != nullptr ? value_->if_object() : nullptr;
  if (object == nullptr || index >= object->size()) {
    return Json();
  }
  return Json(&(object->begin() + static_cast<std::ptrdiff_t>(index))->value());
}

std::string_view Json::text() const {
  const auto* string = value_ != nullptr ? value_->if_string() : nullptr;
  return string != nullptr ? std::string_view(string->data(), string->size()) : std::string_view();
}

std::optional<std::uint64_t> Json::number() const {
  if (value_ == nullptr) {
    return std::nullopt;
  }
  if (const auto* large = value_->if_uint64()) {
    return *large;
  }
  const auto* small = value_->if_int64();
  return small != nullptr && *small >= 0 ? std::optional(static_cast<std::uint64_t>(*small))
                                         : std::nullopt;
}

bool Json::flag() const {
  const auto* boolean = value_ != nullptr ? value_->if_bool() : nullptr;
  return boolean != nullptr && *boolean;
}

}  // namespace recap::targets
