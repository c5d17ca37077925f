// SPDX-License-Identifier: Apache-2.0
#include "caplet/continuous.h"

#include <gtest/gtest.h>

namespace recap::caplet {
namespace {

Uptime at(std::int64_t seconds_since_boot) { return Uptime(seconds(seconds_since_boot)); }

TEST(ContinuousPolicy, IsAttachedAtOnceAndOnlyOnce) {
  const Continuous policy({}, false);
  ContinuousState state;
  EXPECT_TRUE(policy.is_due(state, at(0), false));
  EXPECT_FALSE(policy.is_due(state, at(0), true));
  EXPECT_FALSE(policy.wake(state, true));
}

TEST(ContinuousPolicy, TheWaitDoublesUpToTheLongest) {
  const Continuous policy({}, false);
  ContinuousState state;
  Uptime now = at(1000);
  for (const int expected : {10, 20, 40, 80, 160, 300, 300}) {
    policy.started(state, now);
    now += seconds(1);
    policy.ended(state, now, false);
    EXPECT_EQ(policy.wake(state, false), now + seconds(expected));
    EXPECT_FALSE(policy.is_due(state, now + seconds(expected - 1), false));
    now += seconds(expected);
    EXPECT_TRUE(policy.is_due(state, now, false));
  }
}

TEST(ContinuousPolicy, TenGoodMinutesStartItAnew) {
  const Continuous policy({}, false);
  ContinuousState state;
  for (int i = 0; i < 4; ++i) {
    policy.started(state, at(0));
    policy.ended(state, at(1), false);
  }
  EXPECT_EQ(state.backoff, seconds(80));
  policy.started(state, at(100));
  policy.ended(state, at(100 + 599), false);
  EXPECT_EQ(state.backoff, seconds(160));
  policy.started(state, at(1000));
  policy.ended(state, at(1000 + 600), true);
  EXPECT_EQ(state.backoff, seconds(10));
}

TEST(ContinuousPolicy, OnFailureLeavesASuccessAlone) {
  kube::ContinuousSpec spec;
  spec.only_on_failure = true;
  const Continuous policy(spec, false);
  ContinuousState state;
  policy.started(state, at(0));
  policy.ended(state, at(5), false);
  EXPECT_TRUE(policy.is_due(state, at(15), false));
  policy.started(state, at(15));
  policy.ended(state, at(20), true);
  EXPECT_FALSE(policy.is_due(state, at(100'000), false));
  EXPECT_FALSE(policy.wake(state, false));
  EXPECT_TRUE(policy.is_due({}, at(100'000), false)) << "a restarted target is another one";
}

TEST(ContinuousPolicy, SuspendedIsNotAttached) {
  const Continuous policy({}, true);
  EXPECT_FALSE(policy.is_due({}, at(0), false));
}

}  // namespace
}  // namespace recap::caplet
