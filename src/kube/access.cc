// SPDX-License-Identifier: Apache-2.0
#include "kube/access.h"

#include <utility>

#include "kube/json.h"

namespace recap::kube {

namespace json = boost::json;

namespace {

json::array array_of(const std::vector<std::string>& words) {
  json::array out;
  for (const std::string& word : words) {
    out.emplace_back(word);
  }
  return out;
}

json::object review_of(const AccessQuestion& question) {
  json::object extra;
  for (const auto& [key, values] : question.user.extra) {
    extra[key] = array_of(values);
  }
  json::object attributes{{"verb", question.verb},         {"group", question.group},
                          {"resource", question.resource}, {"subresource", question.subresource},
                          {"namespace", question.ns},      {"name", question.name}};
  json::object spec{{"user", question.user.name},
                    {"uid", question.user.uid},
                    {"groups", array_of(question.user.groups)},
                    {"extra", std::move(extra)},
                    {"resourceAttributes", std::move(attributes)}};
  return {{"apiVersion", api_version_of(kSubjectAccessReviews)},
          {"kind", "SubjectAccessReview"},
          {"spec", std::move(spec)}};
}

std::vector<std::string> words_of(const json::array* array) {
  std::vector<std::string> out;
  if (array != nullptr) {
    for (const json::value& value : *array) {
      if (value.is_string()) {
        out.emplace_back(value.get_string());
      }
    }
  }
  return out;
}

}  // namespace

Task<AccessAnswer> review_access(Client client, AccessQuestion question) {
  Endpoint where;
  where.resource = kSubjectAccessReviews;
  RECAP_AWAIT(const json::object answer, client.create(where, review_of(question)));
  std::string reason(text_at(answer, {"status", "reason"}));
  if (const auto error = text_at(answer, {"status", "evaluationError"}); !error.empty()) {
    reason += (reason.empty() ? "" : "; ") + std::string(error);
  }
  co_return AccessAnswer{flag_at(answer, {"status", "allowed"}), std::move(reason)};
}

Task<UserInfo> who_am_i(Client client) {
  Endpoint where;
  where.resource = kSelfSubjectReviews;
  json::object body{{"apiVersion", api_version_of(kSelfSubjectReviews)},
                    {"kind", "SelfSubjectReview"}};
  RECAP_AWAIT(const json::object answer, client.create(where, body));
  UserInfo user;
  user.name = text_at(answer, {"status", "userInfo", "username"});
  user.uid = text_at(answer, {"status", "userInfo", "uid"});
  user.groups = words_of(array_at(answer, {"status", "userInfo", "groups"}));
  if (const json::object* extra = object_at(answer, {"status", "userInfo", "extra"})) {
    for (const auto& [key, values] : *extra) {
      user.extra[std::string(key)] = words_of(values.if_array());
    }
  }
  co_return user;
}

}  // namespace recap::kube
