// SPDX-License-Identifier: Apache-2.0
#include "kube/policy_file.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace recap::kube {
namespace {

std::string one(std::string_view spec, std::string_view name = "p") {
  return "apiVersion: recap.dev/v1alpha1\nkind: CapsulePolicy\nmetadata: {name: " +
         std::string(name) + "}\nspec: " + std::string(spec) + "\n";
}

std::string error_of(const std::string& text) {
  const auto parsed = parse_policy_file(text);
  return parsed ? "" : std::string(parsed.error().message());
}

TEST(PolicyFile, SeveralPoliciesInTheirOrder) {
  const auto parsed = parse_policy_file(
      one("{namespaceSelector: {matchLabels: {app: web}}, functions: [tcpdump], subjects: [{kind: "
          "User, name: alice}], allow: {capabilities: [NET_RAW]}, max: {memory: 64Mi}}",
          "a") +
      "---\n" + one("{namespaceSelector: {}, images: [\"*\"]}", "b"));
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->size(), 2U);
  const policy::HostPolicy& first = parsed->at(0);
  EXPECT_EQ(first.name, "a");
  EXPECT_EQ(first.users, std::vector<std::string>{"alice"});
  EXPECT_TRUE(first.targets.matches({{"app", "web"}}));
  EXPECT_FALSE(first.targets.matches({}));
  EXPECT_EQ(first.max.memory_bytes, 64U << 20);
  EXPECT_EQ(parsed->at(1).images, std::vector<std::string>{"*"});
  EXPECT_EQ(parsed->at(1).allow.capabilities, 0U);
}

TEST(PolicyFile, WhatIsForOtherThanRunsIsLeftOut) {
  const auto parsed =
      parse_policy_file(one("{namespaceSelector: {}, appliesTo: [Capsule]}", "a") + "---\n" +
                        one("{namespaceSelector: {}, allow: {executions: [Periodic]}}", "b"));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->empty());  // so nothing may run
}

TEST(PolicyFile, WhatIsWrongIsSaidInOneSentence) {
  const std::string good = one("{namespaceSelector: {}}");
  const std::pair<std::string, std::string> cases[] = {
      {"", "there is no CapsulePolicy in it"},
      {"a: [", "no YAML"},
      {"a: \"\\\x01\"", "no YAML"},
      {"- 1", "document 1: kind"},
      {"kind: Capsule", "document 1: kind"},
      {good + "---\n" + good, "two policies 'p'"},
      {good + "---\n" + one("{namespaceSelector: {}, typo: 1}"), "document 2: spec.typo"},
      {one("{}"), "spec.namespaceSelector"},
      {one("{namespaceSelector: {}, allow: {capabilities: [SYS_ADMIN]}}"), "SYS_ADMIN"},
      {one("{namespaceSelector: {}, allow: {capabilites: []}}"), "spec.allow.capabilites"},
      {one("{namespaceSelector: {}, subjects: [{kind: Group, name: ops}]}"), "kind User"},
      {one("{namespaceSelector: {}, max: {runsPerNode: 3}}"), "counted by Caplets"},
      {one("{namespaceSelector: {}, functions: [a], functions: [b]}"),
       "'functions' is there twice"}};
  for (const auto& [text, expected] : cases) {
    const std::string error = error_of(text);
    EXPECT_NE(error.find(expected), std::string::npos) << text << "\n→ " << error;
    EXPECT_TRUE(std::ranges::all_of(error, [](char c) { return c >= ' '; })) << error;
  }
}

}  // namespace
}  // namespace recap::kube
