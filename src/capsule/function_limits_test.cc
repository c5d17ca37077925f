// SPDX-License-Identifier: Apache-2.0
#include "capsule/function_limits.h"

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

const std::map<std::string, std::string> kLabels = {{"dev.recap.limit.cpu", "500m"},
                                                    {"dev.recap.limit.memory", "32Mi"},
                                                    {"dev.recap.limit.pids", "8"},
                                                    {"dev.recap.limit.scratch", "16Mi"}};

TEST(Limits, AreTheFunctionsWhereTheRequestSaysNothing) {
  const auto limits = limits_of({}, kLabels);
  ASSERT_TRUE(limits) << limits.error().message();
  EXPECT_EQ(limits->cpu_millis, 500U);
  EXPECT_EQ(limits->memory_bytes, 32ULL << 20);
  EXPECT_EQ(limits->pids, 8U);
  EXPECT_EQ(limits->scratch_bytes, 16ULL << 20);
  EXPECT_EQ(limits->grace_ms, kDefaultLimits.grace_ms);
}

TEST(Limits, OfTheRequestCountAlsoWhereTheyEqualADefault) {
  const auto limits = limits_of({.cpu_millis = kDefaultLimits.cpu_millis,
                                 .pids = kDefaultLimits.pids,
                                 .memory_bytes = kDefaultLimits.memory_bytes,
                                 .scratch_bytes = kDefaultLimits.scratch_bytes},
                                kLabels);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->cpu_millis, kDefaultLimits.cpu_millis);
  EXPECT_EQ(limits->memory_bytes, kDefaultLimits.memory_bytes);
  EXPECT_EQ(limits->pids, kDefaultLimits.pids);
  EXPECT_EQ(limits->scratch_bytes, kDefaultLimits.scratch_bytes);
}

TEST(Limits, AreTheDefaultsOtherwise) {
  const auto limits = limits_of({}, {});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->memory_bytes, kDefaultLimits.memory_bytes);
  EXPECT_EQ(limits->pids, kDefaultLimits.pids);
}

TEST(Limits, ThatCannotBeReadAreAnErrorUnlessTheyDoNotCount) {
  EXPECT_FALSE(limits_of({}, {{"dev.recap.limit.memory", "much"}}));
  EXPECT_TRUE(limits_of({.memory_bytes = 1 << 20}, {{"dev.recap.limit.memory", "much"}}));
}

TEST(Limits, ScratchIsNeverUnlimited) {
  for (const auto& limits : {limits_of({.scratch_bytes = 0}, {}), limits_of({.out_bytes = 0}, {}),
                             limits_of({}, {{"dev.recap.limit.scratch", "0"}})}) {
    ASSERT_FALSE(limits);
    EXPECT_EQ(limits.error().kind(), base::Kind::kInvalid);
  }
  EXPECT_TRUE(limits_of({.pids = 0, .memory_bytes = 0}, {}));
}

TEST(Limits, OfMemoryHaveAMinimum) {
  EXPECT_FALSE(limits_of({.memory_bytes = kMinMemoryBytes - 1}, {}));
  EXPECT_FALSE(limits_of({}, {{"dev.recap.limit.memory", "1Ki"}}));
  EXPECT_TRUE(limits_of({.memory_bytes = kMinMemoryBytes}, {}));
}

}  // namespace
}  // namespace recap::capsule
