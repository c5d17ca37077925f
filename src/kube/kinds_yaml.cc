// SPDX-License-Identifier: Apache-2.0
// YAML as JSON: scalars by YAML 1.2's core schema, as kubectl reads them. The only file that calls
// yaml-cpp for manifests, and where its exceptions end.
#include <charconv>
#include <exception>
#include <sstream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "kube/kinds_parse.h"

namespace recap::kube {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr int kMaxNodes = 100'000;
constexpr int kMaxDepth = 32;

// Counts what a text would make. YAML::LoadAll makes documents without end of a "," at a document's
// beginning, which the parser never gets past.
class Counter final : public YAML::EventHandler {
 public:
  static bool small_enough(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Counter counter;
    while (counter.events_ <= kMaxNodes && parser.HandleNextDocument(counter)) {
    }
    return counter.events_ <= kMaxNodes;
  }

 private:
  // The names of the overrides are the library's.
  // NOLINTBEGIN(readability-identifier-naming)
  using Style = YAML::EmitterStyle::value;
  void OnDocumentStart(const YAML::Mark&) override { ++events_; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { ++events_; }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { ++events_; }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {
    ++events_;
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, Style) override {
    ++events_;
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, Style) override {
    ++events_;
  }
  void OnMapEnd() override {}
  // NOLINTEND(readability-identifier-naming)

  int events_ = 0;
};

class Converter {
 public:
  json::value convert(const YAML::Node& node, int depth = 0) {
    ++nodes_;
    if (depth > kMaxDepth || nodes_ > kMaxNodes) {
      too_large_ = true;
      return nullptr;
    }
    switch (node.Type()) {
      case YAML::NodeType::Sequence:
        return sequence(node, depth);
      case YAML::NodeType::Map:
        return mapping(node, depth);
      case YAML::NodeType::Scalar:
        return scalar(node);
      default:
        return nullptr;
    }
  }
  [[nodiscard]] bool too_large() const { return too_large_; }
  [[nodiscard]] const std::string& doubled_key() const { return doubled_key_; }

 private:
  json::value sequence(const YAML::Node& node, int depth) {
    json::array array;
    for (const YAML::Node& element : node) {
      array.push_back(convert(element, depth + 1));
    }
    return array;
  }

  json::value mapping(const YAML::Node& node, int depth) {
    json::object object;
    for (const auto& member : node) {
      const std::string key = member.first.Scalar();
      if (object.contains(key)) {
        doubled_key_ = key;
      }
      object[key] = convert(member.second, depth + 1);
    }
    return object;
  }

  static json::value scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") {  // it was quoted
      return json::string(text);
    }
    if (text == "true" || text == "false") {
      return text == "true";
    }
    if (text.empty() || text == "~" || text == "null") {
      return nullptr;
    }
    const char* const end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(text.data(), end, whole);
        read.ec == std::errc{} && read.ptr == end) {
      return whole;
    }
    double real = 0;
    if (const auto read = std::from_chars(text.data(), end, real);
        read.ec == std::errc{} && read.ptr == end && text.find_first_of("0123456789") == 0) {
      return real;
    }
    return json::string(text);
  }

  int nodes_ = 0;
  bool too_large_ = false;
  std::string doubled_key_;
};

}  // namespace

base::Result<std::vector<json::value>> yaml_to_json(std::string_view text) {
  using base::Error;
  using base::Kind;
  if (text.size() > kMaxBytes) {
    return Error(Kind::kCorrupt, "the manifest is larger than 1 MiB: split it");
  }
  try {
    const std::string copy(text);
    if (!Counter::small_enough(copy)) {
      return Error(Kind::kCorrupt, "the manifest is too long, or no YAML: split or correct it");
    }
    std::vector<json::value> documents;
    Converter converter;
    for (const YAML::Node& node : YAML::LoadAll(copy)) {
      if (!node.IsNull()) {
        documents.push_back(converter.convert(node));
      }
    }
    if (converter.too_large()) {
      return Error(Kind::kCorrupt, "the manifest is too deep or too long: split it");
    }
    if (!converter.doubled_key().empty()) {
      return Error(Kind::kInvalid, "the key '" + converter.doubled_key().substr(0, 80) +
                                       "' is there twice in one object: remove one");
    }
    return documents;
  } catch (const std::exception& error) {
    return Error(Kind::kCorrupt, std::string("the manifest is no YAML: ") + error.what());
  }
}

}  // namespace recap::kube
