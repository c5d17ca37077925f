// SPDX-License-Identifier: Apache-2.0
#include "kube/pace.h"

#include <gtest/gtest.h>

namespace recap::kube {
namespace {

using namespace std::chrono_literals;

Clock::time_point at(Millis time) { return Clock::time_point(1h) + time; }

TEST(TokenBucket, LetsABurstPassAndThenItsRate) {
  TokenBucket bucket(5, 10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(bucket.take(at(0ms)), 0ms);
  }
  EXPECT_EQ(bucket.take(at(0ms)), 200ms);
  EXPECT_EQ(bucket.take(at(0ms)), 400ms);
  EXPECT_EQ(bucket.take(at(1000ms)), 0ms);  // five came meanwhile, two were owed
}

TEST(TokenBucket, KeepsNoMoreThanItsBurst) {
  TokenBucket bucket(5, 3);
  EXPECT_TRUE(bucket.try_take(at(0ms)));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(bucket.try_take(at(1h)));
  }
  EXPECT_FALSE(bucket.try_take(at(1h)));
  EXPECT_TRUE(bucket.try_take(at(1h + 200ms)));
}

TEST(Backoff, DoublesUpToItsCapAndAddsJitter) {
  Backoff plain({}, [] { return 0.0; });
  std::vector<Millis> waits;
  for (int i = 0; i < 8; ++i) {
    waits.push_back(plain.next(at(0ms)));
  }
  EXPECT_EQ(waits, (std::vector<Millis>{800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30000ms,
                                        30000ms}));
  Backoff jittered({}, [] { return 0.5; });
  EXPECT_EQ(jittered.next(at(0ms)), 1200ms);
  EXPECT_EQ(jittered.next(at(0ms)), 2400ms);
}

TEST(Backoff, BeginsAnewAfterTwoGoodMinutes) {
  Backoff backoff({}, [] { return 0.0; });
  (void)backoff.next(at(0ms));
  EXPECT_EQ(backoff.next(at(119s)), 1600ms);
  EXPECT_EQ(backoff.next(at(119s + 1600ms + 120s)), 3200ms);  // not one millisecond too early
  EXPECT_EQ(backoff.next(at(20min)), 800ms);
}

TEST(Random, IsSpreadOverItsRange) {
  double least = 1, most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double part = random_part();
    least = std::min(least, part);
    most = std::max(most, part);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(most, 1);
  EXPECT_LT(least, 0.1);
  EXPECT_GT(most, 0.9);
}

}  // namespace
}  // namespace recap::kube
