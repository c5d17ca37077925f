// SPDX-License-Identifier: Apache-2.0
// One JSON object, read strictly: each field is asked for by its name and type, and what nobody
// asked for is a mistake. The first problem of a whole document is kept, with the path of its
// field ("spec.execution.periodic.schedule: is required"); after it every read gives a default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace recap::kube {

// What is wrong with a document; shared by all its Fields.
struct Problem {
  std::optional<base::Error> first;
  bool unknown_fields_are_wrong = true;  // false: the API server pruned what it does not know

  void add(std::string_view path, std::string_view message);
};

class Fields {
 public:
  // `value` must outlive it. Anything but an object is a problem.
  Fields(const boost::json::value* value, std::string path, Problem& problem);

  [[nodiscard]] bool has(std::string_view name) const;  // and is not null
  [[nodiscard]] std::string path_of(std::string_view name) const;

  std::string text(std::string_view name);           // empty when absent
  std::string required_text(std::string_view name);  // neither absent nor empty
  std::optional<std::string> optional_text(std::string_view name);
  bool flag(std::string_view name, bool otherwise = false);
  // Whole numbers in [min, max].
  std::optional<std::int64_t> number(std::string_view name, std::int64_t min, std::int64_t max);
  // Text, or a number as text: what Kubernetes calls int-or-string.
  std::optional<std::string> quantity(std::string_view name);
  std::vector<std::string> texts(std::string_view name);
  std::vector<std::pair<std::string, std::string>> map(std::string_view name);

  // An object below this one; nothing when it is absent.
  std::optional<Fields> object(std::string_view name);
  // The objects of an array.
  std::vector<Fields> objects(std::string_view name);
  void ignore(std::string_view name) { (void)find(name); }

  // To be called last: says which fields nobody asked for.
  void finish();

  void wrong(std::string_view name, std::string_view message);
  [[nodiscard]] const boost::json::object* object_value() const { return object_; }  // or nullptr
  [[nodiscard]] Problem& problem() const { return *problem_; }

 private:
  const boost::json::value* find(std::string_view name);

  const boost::json::object* object_ = nullptr;
  std::string path_;
  Problem* problem_;
  std::vector<std::string_view> known_;
};

// The value of `word` in `table`, an array of {name, value}; a problem that lists the choices when
// there is none. An absent field gives `otherwise`.
template <typename T, std::size_t N>
T word_of(Fields& fields, std::string_view name, const std::pair<std::string_view, T> (&table)[N],
          T otherwise) {
  const auto word = fields.optional_text(name);
  if (!word) {
    return otherwise;
  }
  std::string choices;
  for (const auto& [known, value] : table) {
    if (known == *word) {
      return value;
    }
    choices += (choices.empty() ? "" : ", ") + std::string(known);
  }
  fields.wrong(name, "'" + word->substr(0, 40) + "' is none of " + choices);
  return otherwise;
}

}  // namespace recap::kube
