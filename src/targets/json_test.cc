// SPDX-License-Identifier: Apache-2.0
#include "targets/json.h"

#include <gtest/gtest.h>

namespace recap::targets {
namespace {

TEST(Json, ReadsWhatIsThere) {
  const auto document = JsonDocument::parse(R"({"a":{"b":[1,"x",true]},"n":null})", "test");
  ASSERT_TRUE(document);
  const Json root = document->root();
  EXPECT_EQ(root["a"]["b"].at(0).number(), 1U);
  EXPECT_EQ(root["a"]["b"].at(1).text(), "x");
  EXPECT_TRUE(root["a"]["b"].at(2).flag());
  EXPECT_EQ(root.size(), 2U);
  EXPECT_EQ(root.key(0), "a");
  EXPECT_EQ(root.member(0)["b"].size(), 3U);
}

TEST(Json, WhatIsAbsentOrOfAnotherTypeReadsAsEmpty) {
  const auto document = JsonDocument::parse(R"({"a":"text","n":-1,"f":1.5,"h":1e400})", "test");
  ASSERT_TRUE(document);
  const Json root = document->root();
  EXPECT_FALSE(root["missing"]["deeper"].at(7).present());
  EXPECT_EQ(root["a"].number(), std::nullopt);
  EXPECT_EQ(root["n"].number(), std::nullopt);
  EXPECT_EQ(root["f"].number(), std::nullopt);
  EXPECT_EQ(root["h"].number(), std::nullopt);
  EXPECT_EQ(root["a"]["b"].text(), "");
  EXPECT_EQ(root["a"].key(0), "");
  EXPECT_FALSE(root.member(99).present());
}

TEST(Json, DamagedDeepAndHugeInputIsRefused) {
  for (const std::string bad : {"", "{", "{]", "nul", "{\"a\":1}x", "\"\xff\"", "[1,]"}) {
    const auto document = JsonDocument::parse(bad, "test");
    ASSERT_FALSE(document) << bad;
    EXPECT_EQ(document.error().kind(), base::Kind::kCorrupt);
  }
  EXPECT_TRUE(JsonDocument::parse(std::string(60, '[') + std::string(60, ']'), "test"));
  EXPECT_FALSE(JsonDocument::parse(std::string(100'000, '['), "test"));
  EXPECT_FALSE(JsonDocument::parse(std::string(kMaxJsonBytes + 1, ' '), "test"));
}

}  // namespace
}  // namespace recap::targets
