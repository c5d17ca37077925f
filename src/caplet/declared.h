// SPDX-License-Identifier: Apache-2.0
// What somebody has declared for this node: Capsules, and runs on demand. A run on demand is a
// Capsule that runs once, so that everything behind this knows one thing only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "caplet/node_target.h"
#include "kube/kinds.h"

namespace recap::caplet {

// Whether the user of a run on demand has the right to it. It is asked for before the run starts;
// what has started goes on.
enum class Access : std::uint8_t { kAllowed, kAsked, kDenied };

// What only a CapsuleRun has.
struct Once {
  std::string pod;         // the only target; empty: the Capsule's selector says
  std::string pod_uid;     // and this very one
  bool any_label = false;  // neither a selector nor labels: `pod` alone decides
  std::uint32_t backoff_limit = 0;
  std::string requested_by;
  std::vector<std::string> groups;  // of that user, as they claim; the API server has checked
  Access access = Access::kAllowed;
  std::string denial = {};  // of kDenied
};

struct Declared {
  std::string key;   // "Capsule/shop/rotate-logs@UID": never another object's
  std::string kind;  // "Capsule", "ClusterCapsule", "CapsuleRun"
  kube::Capsule capsule;
  std::optional<Once> once;
};
using DeclaredPtr = std::shared_ptr<const Declared>;

// Declared::key of an object.
std::string key_of(std::string_view kind, const kube::ObjectMeta& meta);

DeclaredPtr declare(kube::Capsule capsule);
// `capsule`: the one that the run refers to, or nullptr.
DeclaredPtr declare(const kube::CapsuleRun& run, const kube::Capsule* capsule);

bool is_for(const Declared& declared, const NodeTarget& target);

// Nothing that matters has changed between two readings of one object.
bool is_same(const Declared& before, const Declared& now);

// Where declarations come from: manifests of a directory, or the API server.
class DeclaredSource {
 public:
  // All of them, each time something has changed; not called while they cannot be read, so that
  // nothing is taken for deleted that only cannot be seen.
  using OnChange = std::function<void(std::vector<DeclaredPtr>)>;

  virtual ~DeclaredSource() = default;
  virtual void start(OnChange on_change) = 0;
};

}  // namespace recap::caplet
