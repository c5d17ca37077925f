// SPDX-License-Identifier: Apache-2.0
#include "image/signature_policy.h"

#include <gtest/gtest.h>

namespace recap::image {
namespace {

std::string required(std::string_view policy, std::string_view location) {
  auto text = requirements_on({"/p.json", std::string(policy)}, location);
  if (!text) {
    return "error: " + std::string(text.error().message());
  }
  return text->substr(0, text->find(", /p.json"));
}

constexpr std::string_view kPolicy = R"({
  "default": [{"type": "reject"}],
  "transports": {
    "docker": {
      "": [{"type": "insecureAcceptAnything"}],
      "*.example.com": [{"type": "a"}],
      "r.example.com:5000": [{"type": "b"}],
      "r.example.com:5000/ops": [{"type": "c"}, {"type": "d", "keyPath": "/no/such.pub"}],
      "r.example.com:5000/ops/x": [{"type": "e", "keyPaths": ["/no/1", "/no/2"]}],
      "r.example.com:5000/ops/x:1": [{"type": "f", "keyData": "QQ=="}]
    },
    "oci": {"": [{"type": "g"}]}
  }
})";

TEST(SignaturePolicy, TheMostSpecificScopeDecides) {
  const std::pair<const char*, const char*> cases[] = {
      {"docker://r.example.com:5000/ops/x:1",
       "f by keyData (sha256:ee0b13692453f0f8), docker r.example.com:5000/ops/x:1"},
      {"docker://r.example.com:5000/ops/x:2",
       "e by /no/1 or /no/2, docker r.example.com:5000/ops/x"},
      {"docker://r.example.com:5000/ops/y/z:1",
       "c and d by /no/such.pub, docker r.example.com:5000/ops"},
      {"docker://r.example.com:5000/op/x:1", "b, docker r.example.com:5000"},
      {"docker://r.example.com/ops/x:1", "a, docker *.example.com"},
      {"docker://example.com/ops/x:1", "insecureAcceptAnything, docker"},
      {"oci:/tmp/x", "g, oci"},
      {"dir:/tmp/x", "reject, default"}};
  for (const auto& [location, expected] : cases) {
    EXPECT_EQ(required(kPolicy, location), expected) << location;
  }
}

TEST(SignaturePolicy, WhatCannotBeReadIsNoPolicy) {
  for (const char* text : {"", "{", "[]", "{}", R"({"default": {}})", R"({"default": [1]})",
                           R"({"default": [], "default": []})", R"({"default": [{"type": 1}]})",
                           R"({"default": [], "transports": {"docker": {"": {}}}})"}) {
    EXPECT_TRUE(required(text, "docker://h/x:1").starts_with("error: ")) << text;
  }
}

}  // namespace
}  // namespace recap::image
