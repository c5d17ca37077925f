// SPDX-License-Identifier: Apache-2.0
#include "caplet/event.h"

#include <gtest/gtest.h>

namespace recap::caplet {
namespace {

using kube::EventType;

constexpr auto kFile = EventType::kFileChanged;

Uptime at(double seconds_since_boot) {
  return Uptime(milliseconds(static_cast<std::int64_t>(seconds_since_boot * 1000)));
}

kube::EventSpec spec(std::int64_t debounce, std::int64_t cooldown, std::int64_t per_hour = 3600) {
  return {.triggers = {},
          .debounce_s = debounce,
          .cooldown_s = cooldown,
          .max_runs_per_hour = per_hour};
}

TEST(EventPolicy, AnEventStartsARunWhenItsWindowCloses) {
  const EventPolicy policy(spec(5, 60), false);
  EventState state;
  EXPECT_FALSE(policy.wake(state));
  EXPECT_EQ(policy.offer(state, EventType::kMemoryPressure, at(100), false), Verdict::kAccepted);
  EXPECT_EQ(policy.wake(state), at(105));
  EXPECT_FALSE(policy.due(state, at(104.9)));
  EXPECT_EQ(policy.due(state, at(105)), EventType::kMemoryPressure);
  // It is due until it was started: a ceiling may keep it waiting.
  EXPECT_EQ(policy.due(state, at(300)), EventType::kMemoryPressure);
  policy.started(state, at(300));
  EXPECT_FALSE(policy.due(state, at(301)));
}

TEST(EventPolicy, WhatComesInTheWindowIsOneWithItAndDoesNotProlongIt) {
  const EventPolicy policy(spec(5, 0), false);
  EventState state;
  for (int i = 0; i < 50; ++i) {
    const auto verdict = policy.offer(state, kFile, at(100 + i * 0.1), false);
    EXPECT_EQ(verdict, i == 0 ? Verdict::kAccepted : Verdict::kDebounced);
  }
  EXPECT_TRUE(policy.due(state, at(105)));
  EXPECT_EQ(state.suppressed(), 49U);
}

TEST(EventPolicy, CoolsDownAfterTheEndOfARun) {
  const EventPolicy policy(spec(0, 60), false);
  EventState state;
  policy.offer(state, kFile, at(100), false);
  policy.started(state, at(100));
  policy.ended(state, at(130));
  EXPECT_EQ(policy.offer(state, kFile, at(189.9), false), Verdict::kCooldown);
  EXPECT_EQ(policy.offer(state, kFile, at(190), false), Verdict::kAccepted);
}

TEST(EventPolicy, WhatHappensDuringARunMayBeItsOwnDoing) {
  const EventPolicy policy(spec(0, 0), false);
  EventState state;
  policy.offer(state, kFile, at(100), false);
  policy.started(state, at(100));
  EXPECT_EQ(policy.offer(state, kFile, at(101), true), Verdict::kLoop);
  policy.ended(state, at(102));
  EXPECT_EQ(policy.offer(state, kFile, at(102.9), false), Verdict::kLoop);
  EXPECT_EQ(policy.offer(state, kFile, at(103), false), Verdict::kAccepted);
}

TEST(EventPolicy, ANewLifeOfTheTargetIsNoticedAtOnce) {
  const EventPolicy policy(spec(0, 0), false);
  EventState state;
  policy.ended(state, at(100));
  EXPECT_EQ(policy.offer(state, EventType::kContainerStarted, at(100.1), false),
            Verdict::kAccepted);
}

TEST(EventPolicy, AFunctionThatTriggersItselfDoesNotLoop) {
  const EventPolicy policy(spec(0, 0), false);
  EventState state;
  int runs = 0;
  // Each run writes the very file whose change starts it, at its beginning and at its end.
  policy.offer(state, kFile, at(0), false);
  for (int tick = 0; tick < 1000; ++tick) {
    const Uptime now = at(tick * 0.1);
    if (policy.due(state, now)) {
      ++runs;
      policy.started(state, now);
      policy.offer(state, kFile, now, true);
      policy.ended(state, now);
      policy.offer(state, kFile, now, false);
    }
  }
  EXPECT_EQ(runs, 1);
}

TEST(EventPolicy, AtMostSoManyRunsInAnyHour) {
  const EventPolicy policy(spec(0, 0, 3), false);
  EventState state;
  int accepted = 0;
  for (int minute = 0; minute < 180; ++minute) {
    const Uptime now = at(minute * 60);
    if (policy.offer(state, kFile, now, false) == Verdict::kAccepted) {
      ++accepted;
      policy.started(state, now);
      policy.ended(state, now);
    }
  }
  EXPECT_EQ(accepted, 9);
  EXPECT_EQ(state.counts[static_cast<std::size_t>(Verdict::kLimit)], 171U);
  EXPECT_LE(state.starts.size(), 3U);
}

TEST(EventPolicy, SuspendedCountsAndStartsNothing) {
  EventState state;
  const EventPolicy active(spec(5, 0), false);
  active.offer(state, kFile, at(100), false);
  const EventPolicy suspended(spec(5, 0), true);
  EXPECT_EQ(suspended.offer(state, kFile, at(101), false), Verdict::kSuspended);
  EXPECT_FALSE(suspended.due(state, at(200)));
  EXPECT_FALSE(suspended.wake(state));
  EXPECT_TRUE(active.due(state, at(200)));
}

// The load: 1,000 events a minute over 50 pods for 5 minutes.
TEST(EventPolicy, AStormIsBoundedAndItsSuppressedCountIsExact) {
  const EventPolicy policy(spec(5, 60, 10), false);
  std::array<EventState, 50> states;
  std::array<std::optional<Uptime>, 50> ends;
  int runs = 0;
  constexpr int kEvents = 5000;
  for (int i = 0; i < kEvents; ++i) {
    const Uptime now = at(i * 0.06);
    for (std::size_t pod = 0; pod < states.size(); ++pod) {
      if (ends[pod] && now >= *ends[pod]) {
        policy.ended(states[pod], *ends[pod]);
        ends[pod].reset();
      }
      if (policy.due(states[pod], now) && !ends[pod]) {
        policy.started(states[pod], now);
        ends[pod] = now + seconds(2);
        ++runs;
      }
    }
    const std::size_t pod = static_cast<std::size_t>(i) % states.size();
    policy.offer(states[pod], kFile, now, ends[pod].has_value());
  }
  std::uint64_t suppressed = 0;
  int pending = 0;
  for (const EventState& state : states) {
    EXPECT_LE(state.starts.size(), 10U);
    suppressed += state.suppressed();
    pending += state.pending ? 1 : 0;
  }
  EXPECT_EQ(runs + pending + static_cast<int>(suppressed), kEvents);
  EXPECT_LE(runs, 50 * 5);
  EXPECT_GE(runs, 50 * 4);
}

}  // namespace
}  // namespace recap::caplet
