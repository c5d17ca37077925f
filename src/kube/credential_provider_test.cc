// SPDX-License-Identifier: Apache-2.0
#include "kube/credential_provider.h"

#include <string>

#include <gtest/gtest.h>

namespace recap::kube {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

std::string config(const std::string& provider) {
  return "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- " +
         provider + "\n";
}

const std::string kHead = "{apiVersion: credentialprovider.kubelet.k8s.io/v1, ";
const std::string kGood =
    kHead +
    "name: ecr, matchImages: ['*.dkr.example:5000/team'], defaultCacheDuration: 12h, "
    "args: [get], env: [{name: AWS_PROFILE, value: node}]}";

// The table of Kubernetes' documentation, and what its words leave open.
TEST(CredentialProvider, MatchesImagesAsTheKubeletDoes) {
  for (const auto& [pattern, image] :
       {std::pair("123.dkr.ecr.example", "123.dkr.ecr.example/a"),
        {"*.azurecr.io", "me.azurecr.io/a/b"},
        {"gcr.io", "gcr.io/a"},
        {"*.*.registry.io", "a.b.registry.io/x"},
        {"*.foo.registry.io:8080/path", "a.foo.registry.io:8080/path/x"},
        {"k8s.*.io", "k8s.gcr.io/x"},
        {"k8s*.gcr.io", "k8s-1.gcr.io/x"},
        {"https://gcr.io/team", "gcr.io/team-b/x"},
        {"localhost:5000", "localhost:5000/x"}}) {
    EXPECT_TRUE(image_matches(pattern, image)) << pattern << " " << image;
  }
  for (const auto& [pattern, image] : {std::pair("*.io", "a.b.io/x"),
                                       {"*", "gcr.io/x"},
                                       {"gcr.io", "evil-gcr.io/x"},
                                       {"gcr.io", "gcr.io.evil/x"},
                                       {"gcr.io", "gcr.io:8080/x"},
                                       {"gcr.io:8080", "gcr.io/x"},
                                       {"gcr.io/team", "gcr.io/x/team"},
                                       {"*.foo.io/path", "evil.io/a.foo.io/path"}}) {
    EXPECT_FALSE(image_matches(pattern, image)) << pattern << " " << image;
  }
}

TEST(CredentialProvider, ReadsItsConfigurationStrictly) {
  const auto providers = parse_credential_providers(config(kGood));
  ASSERT_TRUE(providers) << providers.error().message();
  EXPECT_EQ(providers->front().name, "ecr");
  EXPECT_EQ(providers->front().default_cache_duration, milliseconds(hours(12)));
  EXPECT_EQ(providers->front().env.front().second, "node");
  const std::string rest = "matchImages: [a.io], defaultCacheDuration: 1h";
  for (const auto& [text, why] :
       {std::pair(config(kHead + "name: a/b, " + rest + "}"), "without '/'"),
        {config(kHead + "name: '..', " + rest + "}"), "without '/'"},
        {config(kHead + "name: a, " + rest + ", tokenAttributes: {}}"),
         "tokenAttributes: is not supported"},
        {config(kHead + "name: a, " + rest + ", argz: []}"), "argz"},
        {config(kHead + "name: a, matchImages: [], defaultCacheDuration: 1h}"),
         "matchImages: is required"},
        {config(kHead + "name: a, matchImages: ['a.io:*'], defaultCacheDuration: 1h}"),
         "in the domain alone"},
        {config(kHead + "name: a, matchImages: [a.io], defaultCacheDuration: 5}"),
         "defaultCacheDuration"},
        {config(kHead + "name: a, matchImages: [a.io]}"), "defaultCacheDuration: is required"},
        {config("{apiVersion: v1, name: a, " + rest + "}"), "credentialprovider.kubelet.k8s.io/v1"},
        {config(kGood) + "- " + kGood + "\n", "'ecr' is there twice"},
        {std::string("apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n"),
         "providers: is required"},
        {std::string("a: [b"), "no YAML"}}) {
    const auto wrong = parse_credential_providers(text);
    ASSERT_FALSE(wrong) << text;
    EXPECT_NE(wrong.error().message().find(why), std::string::npos) << wrong.error().message();
  }
}

TEST(CredentialProvider, TakesTheMostSpecificLogin) {
  const auto answer = parse_credential_response(
      R"({"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
          "cacheKeyType": "Registry", "cacheDuration": "1h30m", "auth": {
            "*.io": {"username": "any", "password": "1"}, "a.io": {"username": "a", "password": "2"},
            "a.io/team": {"username": "team", "password": "3"}}})");
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->key, CredentialResponse::CacheKey::kRegistry);
  EXPECT_EQ(answer->duration, milliseconds(minutes(90)));
  EXPECT_EQ(answer->login_for("a.io/team/x")->username, "team");
  EXPECT_EQ(answer->login_for("a.io/x")->username, "a");
  EXPECT_EQ(answer->login_for("b.io/x")->username, "any");
  EXPECT_EQ(answer->login_for("b.org/x"), nullptr);
}

TEST(CredentialProvider, RefusesWhatIsNoAnswerAndRepeatsNothingOfIt) {
  const std::string head =
      R"({"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1")";
  for (const std::string& text :
       {std::string("secret"), std::string("{}"), head + "}",
        head + R"(, "cacheKeyType": "secret"})",
        head + R"(, "cacheKeyType": "Image", "cacheDuration": "secret"})",
        head + R"(, "cacheKeyType": "Image", "cacheDuration": "-1h"})",
        head + R"(, "cacheKeyType": "Image", "auth": {"a.io": "secret"}})"}) {
    const auto answer = parse_credential_response(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().message().find("secret"), std::string::npos)
        << answer.error().message();
  }
  const auto empty =
      parse_credential_response(head + R"(, "cacheKeyType": "Global", "auth": null})");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->login_for("a.io/x"), nullptr);
  EXPECT_FALSE(empty->duration);
}

TEST(CredentialProvider, ReadsDurationsAsGoWritesThem) {
  EXPECT_EQ(parse_go_duration("0"), milliseconds(0));
  EXPECT_EQ(parse_go_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_go_duration("1.5h"), milliseconds(minutes(90)));
  EXPECT_EQ(parse_go_duration("1h0m10s250ms"), milliseconds(3'610'250));
  for (const char* text : {"", "1", "h", "-1h", "1d", "1e3s", "1h ", "inf", "9000h"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

}  // namespace
}  // namespace recap::kube
