// SPDX-License-Identifier: Apache-2.0
// The parts of a kind's spec, each read from the Fields of that spec; for kinds_parse.cc alone.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kube/kinds.h"
#include "kube/kinds_fields.h"
#include "kube/kinds_parse.h"

namespace recap::kube {

// apiVersion, kind and metadata; gives the spec, or nothing with a problem.
std::optional<Fields> open_object(Fields& object, Origin origin, ObjectMeta& meta);

LabelSelector read_selector(Fields fields);
FunctionSpec read_function(Fields& spec);
EndSpec read_end(Fields& spec);
ExecutionSpec read_execution(Fields& spec);

// `value`, or the first problem.
template <typename T>
base::Result<T> unless(Problem& problem, T value) {
  if (problem.first) {
    return std::move(*problem.first);
  }
  return value;
}

// The value of `parsed`; its failure becomes the problem of field `name`.
template <typename T>
std::optional<T> checked(Fields& fields, std::string_view name, base::Result<T> parsed) {
  if (parsed) {
    return *std::move(parsed);
  }
  fields.wrong(name, parsed.error().message());
  return std::nullopt;
}

// "net,pid" of a list; "none" of an empty one.
std::string joined(const std::vector<std::string>& words);
std::optional<std::uint64_t> read_amount(Fields& fields, std::string_view name);

}  // namespace recap::kube
