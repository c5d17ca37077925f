// SPDX-License-Identifier: Apache-2.0
#include "image/json.h"

#include <set>

#include <boost/json/basic_parser_impl.hpp>

#include "image/printable.h"

namespace recap::image {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;

namespace {

constexpr std::size_t kMaxDepth = 32;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Sees every key of a document, and refuses the second of a kind in one object. Case counts only
// among labels and annotations, whose keys are free text.
struct KeyWatcher {
  struct Open {
    std::set<std::string> keys;
    bool free_text = false;
  };

  // NOLINTBEGIN(readability-identifier-naming): the library asks for these names
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  // NOLINTEND(readability-identifier-naming)

  std::vector<Open> open;
  std::string part;
  std::string last_key;
  bool unique = true;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    open.push_back({{}, last_key == "labels" || last_key == "annotations"});
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) {
    open.pop_back();
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view text, std::size_t, json::error_code&) {
    part.append(text.data(), text.size());
    return true;
  }
  bool on_key(json::string_view text, std::size_t, json::error_code& error) {
    part.append(text.data(), text.size());
    last_key = part;
    for (char& c : last_key) {
      c = lower(c);
    }
    unique = open.back().keys.insert(open.back().free_text ? part : last_key).second;
    part.clear();
    if (!unique) {
      error = json::error::syntax;
    }
    return unique;
  }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

Result<json::value> parse(std::string_view text, std::string_view what) {
  if (text.size() > kMaxJsonBytes) {
    return failure(Kind::kInvalid, what, " is larger than 4 MiB");
  }
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::basic_parser<KeyWatcher> watcher(options);
  watcher.write_some(false, text.data(), text.size(), error);
  if (!watcher.handler().unique) {
    return failure(Kind::kCorrupt, what, " is ambiguous: one of its keys occurs twice");
  }
  json::value value;
  if (!error) {
    value = json::parse(text, error, {}, options);
  }
  if (error) {
    return failure(Kind::kCorrupt, what, " is no valid JSON");
  }
  return value;
}

Error wrong_type(std::string_view key) {
  return failure(Kind::kCorrupt, "'", printable(key), "' has a type it must not have");
}

// A string that can be handed to the kernel: no NUL inside.
Result<std::string> clean_text(const json::value& value, std::string_view key) {
  const json::string* text = value.if_string();
  if (text == nullptr || text->find('\0') != json::string::npos) {
    return wrong_type(key);
  }
  return std::string(text->data(), text->size());
}

const json::value* member(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace

Result<json::object> parse_object(std::string_view text, std::string_view what) {
  json::value value = RECAP_TRY(parse(text, what));
  if (!value.is_object()) {
    return failure(Kind::kCorrupt, what, " is no JSON object");
  }
  return std::move(value.get_object());
}

Result<json::array> parse_array(std::string_view text, std::string_view what) {
  json::value value = RECAP_TRY(parse(text, what));
  if (!value.is_array()) {
    return failure(Kind::kCorrupt, what, " is no JSON array");
  }
  return std::move(value.get_array());
}

Result<std::string> text_of(const json::object& from, std::string_view key) {
  const json::value* value = member(from, key);
  return value == nullptr ? Result<std::string>(std::string()) : clean_text(*value, key);
}

Result<std::vector<std::string>> words_of(const json::object& from, std::string_view key) {
  std::vector<std::string> out;
  const json::array* list = RECAP_TRY(array_of(from, key));
  if (list != nullptr) {
    for (const json::value& value : *list) {
      out.push_back(RECAP_TRY(clean_text(value, key)));
    }
  }
  return out;
}

Result<std::uint64_t> number_of(const json::object& from, std::string_view key) {
  const json::value* value = member(from, key);
  if (value == nullptr) {
    return std::uint64_t{0};
  }
  if (value->is_uint64()) {
    return value->get_uint64();
  }
  if (!value->is_int64() || value->get_int64() < 0) {
    return wrong_type(key);
  }
  return static_cast<std::uint64_t>(value->get_int64());
}

Result<const json::object*> object_of(const json::object& from, std::string_view key) {
  const json::value* value = member(from, key);
  if (value != nullptr && !value->is_object()) {
    return wrong_type(key);
  }
  return value == nullptr ? nullptr : &value->get_object();
}

Result<const json::array*> array_of(const json::object& from, std::string_view key) {
  const json::value* value = member(from, key);
  if (value != nullptr && !value->is_array()) {
    return wrong_type(key);
  }
  return value == nullptr ? nullptr : &value->get_array();
}

Result<const json::object*> as_object(const json::value& value) {
  if (!value.is_object()) {
    return Error(Kind::kCorrupt, "an element of a list is no JSON object");
  }
  return &value.get_object();
}

}  // namespace recap::image
