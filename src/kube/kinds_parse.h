// SPDX-License-Identifier: Apache-2.0
// From JSON (an object of the API server, or a YAML manifest that was converted) to the structs of
// kinds.h. Everything is checked here that needs no look at the node, so that what is wrong with a
// Capsule is said when it comes in and not when it is due.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "kube/kinds.h"

namespace recap::kube {

// Where an object came from decides how strictly it is read.
enum class Origin : std::uint8_t {
  kManifest,   // a file of the administrator: an unknown field is a mistake
  kApiServer,  // checked by its schema: unknown fields are those of a later version
};

// kInvalid; the message begins with the path of the field that is wrong.
base::Result<Capsule> parse_capsule(const boost::json::value& object, Origin origin);
base::Result<CapsuleRun> parse_capsule_run(const boost::json::value& object, Origin origin);

base::Result<CapsulePolicy> parse_capsule_policy(const boost::json::value& object, Origin origin);

// A LabelSelector by itself ("spec.selector" is the path in messages).
base::Result<LabelSelector> parse_selector(const boost::json::value& object, std::string_view path);

using Manifest = std::variant<Capsule, CapsuleRun>;

// Every document of a YAML (or JSON) file. kInvalid names the document and what is wrong with it;
// a kind that a node has no use for is wrong too.
base::Result<std::vector<Manifest>> parse_manifests(std::string_view text);

// The documents of a YAML file as JSON. kCorrupt when it is no YAML, too deep (32) or too large
// (1 MiB, or 100,000 nodes after aliases are expanded).
base::Result<std::vector<boost::json::value>> yaml_to_json(std::string_view text);

}  // namespace recap::kube
