// SPDX-License-Identifier: Apache-2.0
// function.yaml as labels. The only file here that calls yaml-cpp, and where its exceptions end.
#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <optional>

#include <yaml-cpp/yaml.h>

#include "image/build.h"
#include "image/printable.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;

namespace {

struct Key {
  std::string_view in_file, label;
};

constexpr std::array kKeys = {
    Key{"description", "dev.recap.description"},
    Key{"share", "dev.recap.share"},
    Key{"view", "dev.recap.view"},
    Key{"paths", "dev.recap.paths"},
    Key{"grant.capabilities", "dev.recap.capabilities"},
    Key{"grant.runAs", "dev.recap.user"},
    Key{"grant.profile", "dev.recap.profile"},
};
constexpr std::string_view kLimits = "resources.limits.";

std::optional<std::string> label_of(std::string_view key) {
  if (key.starts_with(kLimits)) {
    return "dev.recap.limit." + std::string(key.substr(kLimits.size()));
  }
  const auto* const at = std::ranges::find(kKeys, key, &Key::in_file);
  return at == kKeys.end() ? std::nullopt : std::optional<std::string>(at->label);
}

Result<std::string> text_of(const YAML::Node& node, const std::string& path) {
  std::string out = node.IsScalar() ? node.Scalar() : "";
  for (const auto& item : node) {
    if (!item.IsScalar()) {
      return failure(Kind::kInvalid, "'", printable(path), "' is a list of words");
    }
    out.append(out.empty() ? "" : ",").append(item.Scalar());
  }
  return out;
}

Status add(const YAML::Node& node, const std::string& path, Labels& labels) {
  if (node.IsMap()) {
    for (const auto& item : node) {
      const std::string key = path.empty() ? "" : path + ".";
      RECAP_TRY(add(item.second, key + item.first.Scalar(), labels));
    }
    return {};
  }
  const auto label = label_of(path);
  if (!label) {
    return failure(Kind::kInvalid, "'", printable(path), "' is no key of a function");
  }
  std::string value = RECAP_TRY(text_of(node, path));
  if (path == "share" && value.empty()) {
    value = "none";  // without the label it would get what strangers get
  }
  if (path == "grant.runAs") {
    std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  }
  if (!value.empty() && !(path == "view" && value == "nothing")) {
    labels.emplace_back(*label, std::move(value));
  }
  return {};
}

}  // namespace

Result<Labels> labels_of_function(const std::string& yaml) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsMap()) {
      return failure(Kind::kInvalid, "it is no list of keys and values");
    }
    Labels labels;
    RECAP_TRY(add(root, "", labels));
    return labels;
  } catch (const std::exception& error) {
    return failure(Kind::kInvalid, printable(error.what()));
  }
}

}  // namespace recap::image
