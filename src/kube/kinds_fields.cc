// SPDX-License-Identifier: Apache-2.0
#include "kube/kinds_fields.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

namespace recap::kube {
namespace json = boost::json;

void Problem::add(std::string_view path, std::string_view message) {
  if (!first) {
    first.emplace(base::Kind::kInvalid, base::concat<500>(path.substr(0, 200), ": ", message));
  }
}

Fields::Fields(const json::value* value, std::string path, Problem& problem)
    : path_(std::move(path)), problem_(&problem) {
  object_ = value != nullptr ? value->if_object() : nullptr;
  if (object_ == nullptr) {
    problem_->add(path_, "must be an object");
  }
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void Fields::wrong(std::string_view name, std::string_view message) {
  problem_->add(path_of(name), message);
}

const json::value* Fields::find(std::string_view name) {
  if (std::ranges::find(known_, name) == known_.end()) {
    known_.push_back(name);
  }
  const json::value* value = object_ != nullptr ? object_->if_contains(name) : nullptr;
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool Fields::has(std::string_view name) const {
  const json::value* value = object_ != nullptr ? object_->if_contains(name) : nullptr;
  return value != nullptr && !value->is_null();
}

std::optional<std::string> Fields::optional_text(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (const json::string* text = value->if_string()) {
    return std::string(*text);
  }
  wrong(name, "must be text: put it in quotes");
  return std::nullopt;
}

std::string Fields::text(std::string_view name) { return optional_text(name).value_or(""); }

std::string Fields::required_text(std::string_view name) {
  std::string text = optional_text(name).value_or("");
  if (text.empty()) {
    wrong(name, "is required");
  }
  return text;
}

bool Fields::flag(std::string_view name, bool otherwise) {
  const json::value* value = find(name);
  if (value == nullptr) {
    return otherwise;
  }
  if (const bool* flag = value->if_bool()) {
    return *flag;
  }
  wrong(name, "must be true or false");
  return otherwise;
}

std::optional<std::int64_t> Fields::number(std::string_view name, std::int64_t min,
                                           std::int64_t max) {
  const json::value* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  std::optional<std::int64_t> number;
  if (const std::int64_t* whole = value->if_int64()) {
    number = *whole;
  }
  if (!number || *number < min || *number > max) {
    wrong(name, base::concat<100>("must be a whole number from ", min, " to ", max).view());
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> Fields::quantity(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (const json::string* text = value->if_string()) {
    return std::string(*text);
  }
  if (const std::int64_t* whole = value->if_int64()) {
    return std::to_string(*whole);
  }
  if (const double* real = value->if_double()) {
    return std::to_string(*real);
  }
  wrong(name, "must be an amount such as 128Mi or 200m");
  return std::nullopt;
}

std::vector<std::string> Fields::texts(std::string_view name) {
  std::vector<std::string> texts;
  const json::value* value = find(name);
  if (value == nullptr) {
    return texts;
  }
  const json::array* array = value->if_array();
  if (array == nullptr) {
    wrong(name, "must be a list");
    return texts;
  }
  for (const json::value& element : *array) {
    if (const json::string* text = element.if_string()) {
      texts.emplace_back(*text);
    } else {
      wrong(name, "must be a list of texts: put each in quotes");
    }
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> Fields::map(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const json::value* value = find(name);
  if (value == nullptr) {
    return pairs;
  }
  const json::object* object = value->if_object();
  if (object == nullptr) {
    wrong(name, "must be an object");
    return pairs;
  }
  for (const auto& member : *object) {
    if (const json::string* text = member.value().if_string()) {
      pairs.emplace_back(member.key(), *text);
    } else {
      problem_->add(path_of(name) + "." + std::string(member.key()),
                    "must be text: put it in quotes");
    }
  }
  return pairs;
}

std::optional<Fields> Fields::object(std::string_view name) {
  const json::value* value = find(name);
  return value != nullptr ? std::optional(Fields(value, path_of(name), *problem_)) : std::nullopt;
}

std::vector<Fields> Fields::objects(std::string_view name) {
  std::vector<Fields> objects;
  const json::value* value = find(name);
  if (value == nullptr) {
    return objects;
  }
  const json::array* array = value->if_array();
  if (array == nullptr) {
    wrong(name, "must be a list");
    return objects;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    objects.emplace_back(&(*array)[i], path_of(name) + "[" + std::to_string(i) + "]", *problem_);
  }
  return objects;
}

void Fields::finish() {
  if (object_ == nullptr || !problem_->unknown_fields_are_wrong) {
    return;
  }
  for (const auto& member : *object_) {
    if (std::ranges::find(known_, std::string_view(member.key())) == known_.end()) {
      std::string fields;
      for (const std::string_view name : known_) {
        fields += (fields.empty() ? "" : ", ") + std::string(name);
      }
      wrong(member.key(), "there is no such field; known are " + fields);
    }
  }
}

}  // namespace recap::kube
