// SPDX-License-Identifier: Apache-2.0
#include "console/completion.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "cli/manual.h"

namespace recap::cli {
namespace {

Expected after(std::vector<std::string_view> words) { return expected_at(program(), words); }

bool offers(const Expected& expected, std::string_view word) {
  return std::ranges::count(expected.fixed, word, &Candidate::word) == 1;
}

TEST(ExpectedAt, OffersVerbsFirst) {
  for (const Expected& expected : {after({}), after({""}), after({"st"})}) {
    EXPECT_TRUE(offers(expected, "run"));
    EXPECT_TRUE(offers(expected, "stop"));
    EXPECT_TRUE(offers(expected, "--help"));
  }
  EXPECT_TRUE(offers(after({"--state-dir", "/x", ""}), "run"));
}

TEST(ExpectedAt, OffersFlagsOfTheVerb) {
  EXPECT_TRUE(offers(after({"stop", "-"}), "--grace"));
  EXPECT_TRUE(offers(after({"stop", "--"}), "--help"));
  EXPECT_FALSE(offers(after({"stop", "-"}), "--follow"));
  EXPECT_TRUE(after({"nope", ""}).fixed.empty());
}

TEST(ExpectedAt, KnowsWhatAFlagTakes) {
  EXPECT_TRUE(offers(after({"ps", "-o", ""}), "json"));
  EXPECT_TRUE(offers(after({"ps", "--output", "j"}), "json"));
  EXPECT_TRUE(offers(after({"ps", "--output=j"}), "--output=json"));
  EXPECT_TRUE(offers(after({"run", "--view", ""}), "merged"));
  EXPECT_EQ(after({"run", "--report", ""}).words, Words::kFile);
  EXPECT_EQ(after({"ps", "--state-dir", ""}).words, Words::kDirectory);
}

TEST(ExpectedAt, CountsOperands) {
  EXPECT_EQ(after({"run", ""}).words, Words::kFunction);
  EXPECT_EQ(after({"run", "tcpdump", ""}).words, Words::kTarget);
  EXPECT_EQ(after({"run", "-it", "--memory", "1Gi", "tcpdump", "we"}).words, Words::kTarget);
  EXPECT_EQ(after({"run", "-o", "x", ""}).words, Words::kTarget);  // unknown flags take nothing
  EXPECT_EQ(after({"run", "tcpdump", "web", "--", ""}).words, Words::kNothing);
  EXPECT_EQ(after({"shell", ""}).words, Words::kTarget);
  EXPECT_EQ(after({"stop", "a", "b", ""}).words, Words::kLiveRun);
  EXPECT_EQ(after({"logs", "a", ""}).words, Words::kNothing);
  EXPECT_EQ(after({"inspect", ""}).words, Words::kRun);
  EXPECT_EQ(after({"rmi", ""}).words, Words::kImage);
  EXPECT_EQ(after({"cp", "run:/x", ""}).words, Words::kRunPath);
  EXPECT_TRUE(offers(after({"completion", ""}), "fish"));
  EXPECT_TRUE(offers(after({"help", ""}), "run"));
}

TEST(IsHarmless, RefusesWhatAShellWouldObey) {
  EXPECT_TRUE(is_harmless("pod/shop/web-0"));
  EXPECT_TRUE(is_harmless("docker.io/library/nginx:1.25@sha256:ab"));
  for (const std::string_view word : {"", "a b", "$(reboot)", "`id`", "a;b", "a|b", "a\nb", "a'b",
                                      "a\"b", "a\\b", "~x", "a*", "\x1b[2J", "a&b", "ü"}) {
    EXPECT_FALSE(is_harmless(word)) << word;
  }
  EXPECT_FALSE(is_harmless(std::string(1 << 20, 'x')));
}

}  // namespace
}  // namespace recap::cli
