// SPDX-License-Identifier: Apache-2.0
#include "kube/status.h"

#include <gtest/gtest.h>

#include "kube/json.h"
#include "kube/resource.h"

namespace recap::kube {
namespace {

using base::Error;
using base::Kind;

Error answer(int code, std::string_view reason) {
  return error_of_answer(code,
                         base::concat<300>(R"({"kind":"Status","message":"said so","reason":")",
                                           reason, R"(","code":)", code, "}")
                             .view(),
                         "get pods");
}

TEST(Status, BecomesAnErrorWithCodeReasonAndKind) {
  const struct {
    int code;
    std::string_view word;
    Reason reason;
    Kind kind;
  } cases[] = {{404, "NotFound", Reason::kNotFound, Kind::kNotFound},
               {409, "AlreadyExists", Reason::kAlreadyExists, Kind::kExists},
               {409, "Conflict", Reason::kConflict, Kind::kBusy},
               {410, "Expired", Reason::kExpired, Kind::kGone},
               {401, "Unauthorized", Reason::kUnauthorized, Kind::kDenied},
               {403, "Forbidden", Reason::kForbidden, Kind::kDenied},
               {422, "Invalid", Reason::kInvalid, Kind::kInvalid},
               {429, "TooManyRequests", Reason::kTooManyRequests, Kind::kBusy},
               {500, "InternalError", Reason::kInternalError, Kind::kBusy},
               {504, "Timeout", Reason::kTimeout, Kind::kTimeout},
               {418, "Teapot", Reason::kUnknown, Kind::kInvalid}};
  for (const auto& each : cases) {
    const Error error = answer(each.code, each.word).context("outer");
    EXPECT_EQ(api_code(error), each.code);
    EXPECT_EQ(api_reason(error), each.reason);
    EXPECT_EQ(error.kind(), each.kind);
    EXPECT_NE(error.message().find("outer: cannot get pods"), std::string_view::npos);
    EXPECT_NE(error.message().find("said so"), std::string_view::npos);
  }
}

TEST(Status, AProxysPageIsShownShortAndInOneLine) {
  const Error error = error_of_answer(502, "<html>\n" + std::string(4000, 'x'), "get pods");
  EXPECT_EQ(api_code(error), 502);
  EXPECT_EQ(error.message().find('\n'), std::string_view::npos);
  EXPECT_NE(error.message().find("<html>"), std::string_view::npos);
}

TEST(Status, ACauseTellsThatTheServersCacheIsBehind) {
  const auto status = parse_object(
      R"({"code":504,"reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}})",
      "status");
  ASSERT_TRUE(status);
  EXPECT_EQ(api_reason(error_of_status(*status, "list")), Reason::kResourceVersionTooLarge);
}

TEST(Status, OtherErrorsHaveNoCode) {
  EXPECT_EQ(api_code(Error(Kind::kBusy, "x", 111)), 0);
  EXPECT_EQ(api_reason(Error(Kind::kBusy, "x", 111)), Reason::kUnknown);
}

TEST(Paths, NameWhatTheyShould) {
  EXPECT_EQ(path_of({kPods}), "/api/v1/pods");
  EXPECT_EQ(path_of({kPods, "shop", "web-1"}), "/api/v1/namespaces/shop/pods/web-1");
  EXPECT_EQ(path_of({kLeases, "a", "b", "status"}),
            "/apis/coordination.k8s.io/v1/namespaces/a/leases/b/status");
  EXPECT_EQ(path_of({kNodes, "", "../secrets?x"}), "/api/v1/nodes/..%2Fsecrets%3Fx");
  EXPECT_EQ(with_query("/a", {{"fieldSelector", "spec.nodeName=n 1"}, {"watch", "1"}}),
            "/a?fieldSelector=spec.nodeName%3Dn%201&watch=1");
}

TEST(Json, IsReadLeniently) {
  const auto pod = parse_object(
      R"({"metadata":{"name":"a","namespace":"b","uid":3,"generation":4},"flag":true})", "pod");
  ASSERT_TRUE(pod);
  const Meta meta = meta_of(*pod);
  EXPECT_EQ(key_of(meta), "b/a");
  EXPECT_EQ(meta.uid, "");
  EXPECT_EQ(meta.generation, 4);
  EXPECT_TRUE(flag_at(*pod, {"flag"}));
  EXPECT_EQ(text_at(*pod, {"metadata", "name", "deeper"}), "");
  EXPECT_FALSE(number_at(*pod, {"missing", "x"}));
}

TEST(Json, RefusesWhatIsNoObject) {
  for (const std::string text : {"", "[]", "1", "{", "{\"a\":}", "{} {}"}) {
    EXPECT_FALSE(parse_object(text, "x")) << text;
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "{\"a\":";
  }
  EXPECT_FALSE(parse_object(deep + "1" + std::string(100, '}'), "x"));
}

TEST(Times, GoBothWays) {
  EXPECT_EQ(micro_time(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.123456Z"), 1'700'000'000'123'456'000);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20Z"), 1'700'000'000'000'000'000);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.5Z"), 500'000'000);
  EXPECT_GT(parse_time("2999-11-14T22:13:20Z"), parse_time("2250-11-14T22:13:20Z"));
  for (const std::string text :
       {"", "2023-11-14T22:13:20", "2023-11-14 22:13:20Z", "2023-11-14T22:13:20+01:00",
        "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20.1234567890Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace recap::kube
