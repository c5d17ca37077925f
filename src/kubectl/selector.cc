// SPDX-License-Identifier: Apache-2.0
// Label selectors as kubectl's -l takes them.
#include <boost/json/array.hpp>

#include "kubectl/run_request.h"

namespace recap::kubectl {
namespace {

namespace json = boost::json;

base::Error wrong(std::string_view text) {
  return {base::Kind::kInvalid,
          base::concat<300>("'", text.substr(0, 100),
                            "' is no selector: write app=web, tier!=cache, env in (a,b), "
                            "env notin (a), key or !key, with commas between")};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

// Up to the next comma that is not between parentheses; takes it off `text`.
std::string_view next_part(std::string_view& text) {
  int depth = 0;
  std::size_t end = 0;
  for (; end < text.size() && (text[end] != ',' || depth > 0); ++end) {
    depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
  }
  const std::string_view part = trimmed(text.substr(0, end));
  text.remove_prefix(end == text.size() ? end : end + 1);
  return part;
}

json::object requirement(std::string_view key, std::string_view op, json::array values = {}) {
  json::object out{{"key", trimmed(key)}, {"operator", op}};
  if (!values.empty()) {
    out["values"] = std::move(values);
  }
  return out;
}

// "KEY in (a,b)"; nothing when `part` is no such thing.
std::optional<json::object> set_requirement(std::string_view part) {
  for (const auto& [word, op] : {std::pair{" in ", "In"}, std::pair{" notin ", "NotIn"}}) {
    const std::size_t at = part.find(word);
    if (at == std::string_view::npos) {
      continue;
    }
    std::string_view list = trimmed(part.substr(at + std::string_view(word).size()));
    if (!list.starts_with('(') || !list.ends_with(')')) {
      return std::nullopt;
    }
    list = list.substr(1, list.size() - 2);
    json::array values;
    while (!list.empty()) {
      values.emplace_back(next_part(list));
    }
    return requirement(part.substr(0, at), op, std::move(values));
  }
  return std::nullopt;
}

std::optional<json::object> requirement_of(std::string_view part) {
  if (part.find('(') != std::string_view::npos) {
    return set_requirement(part);
  }
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    return part.starts_with('!') ? requirement(part.substr(1), "DoesNotExist")
                                 : requirement(part, "Exists");
  }
  const bool negated = equals > 0 && part[equals - 1] == '!';
  std::string_view value = part.substr(equals + 1);
  value.remove_prefix(value.starts_with('=') ? 1 : 0);
  return requirement(part.substr(0, negated ? equals - 1 : equals), negated ? "NotIn" : "In",
                     {json::value(trimmed(value))});
}

}  // namespace

base::Result<json::object> selector_of(std::string_view text) {
  json::array requirements;
  for (std::string_view left = text; !left.empty();) {
    const auto made = requirement_of(next_part(left));
    const auto* key = made ? made->at("key").if_string() : nullptr;
    if (key == nullptr || key->empty() || key->find(' ') != json::string::npos) {
      return wrong(text);
    }
    requirements.push_back(*made);
  }
  if (requirements.empty()) {
    return wrong(text);
  }
  return json::object{{"matchExpressions", std::move(requirements)}};
}

}  // namespace recap::kubectl
