// SPDX-License-Identifier: Apache-2.0
#include "kube/access.h"

#include <algorithm>
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

UserInfo user_at(const json::object& review) {
  UserInfo user;
  const json::object* info = nullptr;
  for (const char* key : {"userInfo", "user"}) {  // SelfSubjectReview, TokenReview
    info = info != nullptr ? info : object_at(review, {"status", key});
  }
  if (info == nullptr) {
    return user;
  }
  user.name = text_at(*info, {"username"});
  user.uid = text_at(*info, {"uid"});
  user.groups = words_of(array_at(*info, {"groups"}));
  if (const json::object* extra = object_at(*info, {"extra"})) {
    for (const auto& [key, values] : *extra) {
      user.extra[std::string(key)] = words_of(values.if_array());
    }
  }
  return user;
}

}  // namespace

AccessQuestion question_of(const CapsuleRun& run) {
  AccessQuestion question;
  question.user.name = run.requested_by;
  question.user.groups = run.requested_by_groups;
  question.verb = "create";
  question.group = kGroup;
  question.resource = kCapsuleRuns.plural;
  question.ns = run.meta.ns;
  return question;
}

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
  co_return user_at(answer);
}

Task<std::optional<UserInfo>> review_token(Client client, std::string token, std::string audience) {
  Endpoint where;
  where.resource = kTokenReviews;
  json::object spec{{"token", token}, {"audiences", json::array{json::string(audience)}}};
  json::object body{{"apiVersion", api_version_of(kTokenReviews)},
                    {"kind", "TokenReview"},
                    {"spec", std::move(spec)}};
  RECAP_AWAIT(const json::object answer, client.create(where, body));
  const std::vector<std::string> audiences = words_of(array_at(answer, {"status", "audiences"}));
  const bool is_meant = std::ranges::find(audiences, audience) != audiences.end();
  if (!flag_at(answer, {"status", "authenticated"}) || !is_meant) {
    co_return std::optional<UserInfo>();
  }
  co_return std::optional(user_at(answer));
}

}  // namespace recap::kube
