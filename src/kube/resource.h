// SPDX-License-Identifier: Apache-2.0
// Where things are in the Kubernetes API: a Resource is a collection of one kind, an Endpoint is
// one object, or one collection, of it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace recap::kube {

struct Resource {
  std::string_view group;  // "" is the core group; a literal, as the others
  std::string_view version;
  std::string_view plural;
};

inline constexpr Resource kPods{"", "v1", "pods"};
inline constexpr Resource kNodes{"", "v1", "nodes"};
inline constexpr Resource kNamespaces{"", "v1", "namespaces"};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events"};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases"};
inline constexpr Resource kSubjectAccessReviews{"authorization.k8s.io", "v1",
                                                "subjectaccessreviews"};
inline constexpr Resource kSelfSubjectReviews{"authentication.k8s.io", "v1", "selfsubjectreviews"};
inline constexpr Resource kTokenReviews{"authentication.k8s.io", "v1", "tokenreviews"};

struct Endpoint {
  Resource resource;
  std::string ns{};           // "": cluster-scoped, or every namespace
  std::string name{};         // "": the collection
  std::string subresource{};  // "status"
};

// "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", percent-encoded.
std::string path_of(const Endpoint& endpoint);

// "group/version", as an object's apiVersion has it.
std::string api_version_of(const Resource& resource);

using Query = std::vector<std::pair<std::string, std::string>>;

// `path` with "?a=b&c=d" behind it, percent-encoded.
std::string with_query(std::string path, const Query& query);

// Everything but RFC 3986's unreserved characters as %XX.
std::string percent_encode(std::string_view text);

}  // namespace recap::kube
