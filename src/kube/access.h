// SPDX-License-Identifier: Apache-2.0
// Questions to the API server's authorizer: may this user do that, and who are we.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.h"
#include "kube/kinds.h"

namespace recap::kube {

// As the API server knows a user.
struct UserInfo {
  std::string name, uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
};

struct AccessQuestion {
  UserInfo user;
  std::string verb;  // "create"
  std::string group, resource, subresource;
  std::string ns, name;  // "": all
};

// Whether the user in whose name `run` was made may make one.
AccessQuestion question_of(const CapsuleRun& run);

struct AccessAnswer {
  bool allowed = false;
  std::string reason;  // the authorizer's words, also its evaluation error
};

// SubjectAccessReview. An answer that says neither yes nor no is a no.
Task<AccessAnswer> review_access(Client client, AccessQuestion question);

// TokenReview: whose token this is. Nothing: it is none, or is not meant for `audience`.
Task<std::optional<UserInfo>> review_token(Client client, std::string token, std::string audience);

// SelfSubjectReview (Kubernetes 1.28): the user that our credential stands for.
Task<UserInfo> who_am_i(Client client);

}  // namespace recap::kube
