// SPDX-License-Identifier: Apache-2.0
// Every rule that CronJob documents, with a clock that stands where the test puts it.
#include "caplet/periodic.h"

#include <sstream>

#include <date/date.h>
#include <gtest/gtest.h>

namespace recap::caplet {
namespace {

using Action = PeriodicDecision::Action;
using kube::ConcurrencyPolicy;

Wall at(const std::string& text) {
  std::istringstream in(text);
  date::sys_seconds time;
  in >> date::parse("%F %T", time);
  EXPECT_FALSE(in.fail()) << text;
  return time;
}

kube::PeriodicSpec hourly() {
  kube::PeriodicSpec spec;
  spec.schedule = "0 * * * *";
  spec.time_zone = "Etc/UTC";
  return spec;
}

Periodic make(const kube::PeriodicSpec& spec, bool suspended = false,
              std::string_view target = "web") {
  auto made = Periodic::make(spec, suspended, target);
  EXPECT_TRUE(made) << made.error().message();
  return *std::move(made);
}

const PeriodicState kSinceTen{at("2026-11-24 10:30:00"), std::nullopt};

TEST(PeriodicPolicy, WaitsForTheFirstTimeAfterItWasMade) {
  const auto decision = make(hourly()).decide(kSinceTen, at("2026-11-24 10:59:59"), false);
  EXPECT_EQ(decision.action, Action::kWait);
  EXPECT_EQ(decision.wake, at("2026-11-24 11:00:00"));
}

TEST(PeriodicPolicy, StartsWhenItIsDueAndOnlyOnce) {
  const Periodic policy = make(hourly());
  const auto due = policy.decide(kSinceTen, at("2026-11-24 11:00:00"), false);
  EXPECT_EQ(due.action, Action::kStart);
  EXPECT_EQ(due.scheduled, at("2026-11-24 11:00:00"));
  EXPECT_EQ(due.missed, 0U);
  EXPECT_EQ(due.wake, at("2026-11-24 12:00:00"));
  const PeriodicState after{kSinceTen.since, due.scheduled};
  EXPECT_EQ(policy.decide(after, at("2026-11-24 11:00:00"), false).action, Action::kWait);
  EXPECT_EQ(policy.decide(after, at("2026-11-24 11:59:59"), false).action, Action::kWait);
  EXPECT_EQ(policy.decide(after, at("2026-11-24 12:00:03"), false).action, Action::kStart);
}

TEST(PeriodicPolicy, OfSeveralMissedOnlyTheLastStarts) {
  const auto decision = make(hourly()).decide(kSinceTen, at("2026-11-24 15:20:00"), false);
  EXPECT_EQ(decision.action, Action::kStart);
  EXPECT_EQ(decision.scheduled, at("2026-11-24 15:00:00"));
  EXPECT_EQ(decision.missed, 4U);
}

TEST(PeriodicPolicy, OverAHundredMissedAreCountedNoFurther) {
  const auto many = make(hourly()).decide(kSinceTen, at("2027-11-24 15:20:00"), false);
  EXPECT_EQ(many.action, Action::kStart);
  EXPECT_EQ(many.scheduled, at("2027-11-24 15:00:00"));
  EXPECT_GT(many.missed, kTooManyMissed);
  const auto hundred = make(hourly()).decide(kSinceTen, at("2026-11-28 15:20:00"), false);
  EXPECT_EQ(hundred.missed, 100U);
}

TEST(PeriodicPolicy, AStartingDeadlineBoundsHowLate) {
  kube::PeriodicSpec spec = hourly();
  spec.starting_deadline_s = 300;
  const Periodic policy = make(spec);
  EXPECT_EQ(policy.decide(kSinceTen, at("2026-11-24 11:05:00"), false).action, Action::kStart);
  const auto late = policy.decide(kSinceTen, at("2026-11-24 11:05:01"), false);
  EXPECT_EQ(late.action, Action::kTooLate);
  EXPECT_EQ(late.scheduled, at("2026-11-24 11:00:00"));
  // What lies before the deadline is not even counted as missed.
  const auto next = policy.decide(kSinceTen, at("2026-11-24 18:01:00"), false);
  EXPECT_EQ(next.action, Action::kStart);
  EXPECT_EQ(next.missed, 0U);
}

// The example of CronJob's documentation: down from 8:29 to 10:21, due every minute from 8:30 on.
TEST(PeriodicPolicy, WithAStartingDeadlineOnlyWhatLiesInItCountsAsMissed) {
  kube::PeriodicSpec spec = hourly();
  spec.schedule = "* * * * *";
  const PeriodicState state{at("2026-11-24 08:29:30"), std::nullopt};
  const auto without = make(spec).decide(state, at("2026-11-24 10:21:10"), false);
  EXPECT_EQ(without.action, Action::kStart);
  EXPECT_GT(without.missed, kTooManyMissed);
  spec.starting_deadline_s = 200;
  const auto with = make(spec).decide(state, at("2026-11-24 10:21:10"), false);
  EXPECT_EQ(with.action, Action::kStart);
  EXPECT_EQ(with.scheduled, at("2026-11-24 10:21:00"));
  EXPECT_EQ(with.missed, 3U);
}

TEST(PeriodicPolicy, ADeadlineCountsBeforeTheConcurrencyPolicy) {
  kube::PeriodicSpec spec = hourly();
  spec.starting_deadline_s = 60;
  for (const auto concurrency : {ConcurrencyPolicy::kForbid, ConcurrencyPolicy::kReplace}) {
    spec.concurrency = concurrency;
    EXPECT_EQ(make(spec).decide(kSinceTen, at("2026-11-24 11:01:01"), true).action,
              Action::kTooLate);
  }
}

TEST(PeriodicPolicy, ForbidWithoutADeadlineStartsTheSkippedOneHoweverLate) {
  kube::PeriodicSpec spec = hourly();
  spec.concurrency = ConcurrencyPolicy::kForbid;
  const Periodic policy = make(spec);
  EXPECT_EQ(policy.decide(kSinceTen, at("2026-11-24 12:30:00"), true).action, Action::kForbid);
  const auto ended = policy.decide(kSinceTen, at("2026-11-24 14:59:00"), false);
  EXPECT_EQ(ended.action, Action::kStart);
  EXPECT_EQ(ended.scheduled, at("2026-11-24 14:00:00")) << "the last one only";
}

TEST(PeriodicPolicy, AClockThatIsSetForwardStartsOnceWhatItLeftOut) {
  const PeriodicState ran{kSinceTen.since, at("2026-11-24 11:00:00")};
  const Periodic policy = make(hourly());
  const auto jumped = policy.decide(ran, at("2026-11-25 11:30:00"), false);
  EXPECT_EQ(jumped.action, Action::kStart);
  EXPECT_EQ(jumped.scheduled, at("2026-11-25 11:00:00"));
  const PeriodicState after{kSinceTen.since, jumped.scheduled};
  EXPECT_EQ(policy.decide(after, at("2026-11-25 11:30:00"), false).action, Action::kWait);
  // And set right again: what has run does not run once more, for as long as that takes.
  EXPECT_EQ(policy.decide(after, at("2026-11-24 12:00:00"), false).action, Action::kWait);
  EXPECT_EQ(policy.decide(after, at("2026-11-25 12:00:00"), false).action, Action::kStart);
}

TEST(PeriodicPolicy, ADeadlineOfZeroStillStartsInTime) {
  kube::PeriodicSpec spec = hourly();
  spec.starting_deadline_s = 0;
  EXPECT_EQ(make(spec).decide(kSinceTen, at("2026-11-24 11:00:00"), false).action, Action::kStart);
}

TEST(PeriodicPolicy, AllowStartsBesideAnActiveRun) {
  EXPECT_EQ(make(hourly()).decide(kSinceTen, at("2026-11-24 11:00:00"), true).action,
            Action::kStart);
}

TEST(PeriodicPolicy, ForbidSkipsWhileOneIsActiveAndStartsWhenItEndsInTime) {
  kube::PeriodicSpec spec = hourly();
  spec.concurrency = ConcurrencyPolicy::kForbid;
  spec.starting_deadline_s = 600;
  const Periodic policy = make(spec);
  EXPECT_EQ(policy.decide(kSinceTen, at("2026-11-24 11:00:00"), true).action, Action::kForbid);
  const auto ended = policy.decide(kSinceTen, at("2026-11-24 11:09:00"), false);
  EXPECT_EQ(ended.action, Action::kStart);
  EXPECT_EQ(ended.scheduled, at("2026-11-24 11:00:00"));
  EXPECT_EQ(policy.decide(kSinceTen, at("2026-11-24 11:11:00"), false).action, Action::kTooLate);
}

TEST(PeriodicPolicy, ReplaceStopsTheActiveRun) {
  kube::PeriodicSpec spec = hourly();
  spec.concurrency = ConcurrencyPolicy::kReplace;
  const Periodic policy = make(spec);
  EXPECT_EQ(policy.decide(kSinceTen, at("2026-11-24 11:00:00"), true).action, Action::kReplace);
  EXPECT_EQ(policy.decide(kSinceTen, at("2026-11-24 11:00:00"), false).action, Action::kStart);
}

TEST(PeriodicPolicy, SuspendedStartsNothingAndThenCatchesUpOnce) {
  EXPECT_EQ(make(hourly(), true).decide(kSinceTen, at("2026-11-24 15:20:00"), false).action,
            Action::kWait);
  EXPECT_FALSE(make(hourly(), true).decide(kSinceTen, at("2026-11-24 15:20:00"), false).wake);
  // Without a deadline what was missed meanwhile starts at once; with one only what is in time.
  EXPECT_EQ(make(hourly()).decide(kSinceTen, at("2026-11-24 15:20:00"), false).action,
            Action::kStart);
  kube::PeriodicSpec spec = hourly();
  spec.starting_deadline_s = 300;
  EXPECT_EQ(make(spec).decide(kSinceTen, at("2026-11-24 15:20:00"), false).action,
            Action::kTooLate);
}

TEST(PeriodicPolicy, AChangedScheduleHoldsFromTheLastStartOn) {
  kube::PeriodicSpec spec = hourly();
  spec.schedule = "30 12 * * *";
  const PeriodicState ran{kSinceTen.since, at("2026-11-24 11:00:00")};
  EXPECT_EQ(make(spec).decide(ran, at("2026-11-24 12:00:00"), false).action, Action::kWait);
  EXPECT_EQ(make(spec).decide(ran, at("2026-11-24 12:30:00"), false).action, Action::kStart);
}

TEST(PeriodicPolicy, AClockThatIsSetBackDoesNotRunAgain) {
  const PeriodicState ran{kSinceTen.since, at("2026-11-24 11:00:00")};
  const Periodic policy = make(hourly());
  EXPECT_EQ(policy.decide(ran, at("2026-11-24 10:59:00"), false).action, Action::kWait);
  EXPECT_EQ(policy.decide(ran, at("2026-11-24 11:00:30"), false).action, Action::kWait);
  EXPECT_EQ(policy.decide(ran, at("2026-11-24 12:00:00"), false).action, Action::kStart);
}

TEST(PeriodicPolicy, JitterIsEachTargetsOwnAndAlwaysTheSame) {
  kube::PeriodicSpec spec = hourly();
  spec.jitter_s = 600;
  const Periodic a = make(spec, false, "a");
  const Periodic b = make(spec, false, "b");
  EXPECT_NE(a.jitter(), b.jitter());
  EXPECT_EQ(a.jitter(), make(spec, false, "a").jitter());
  EXPECT_LE(a.jitter(), seconds(600));
  const Wall due = at("2026-11-24 11:00:00") + a.jitter();
  EXPECT_EQ(a.decide(kSinceTen, due - seconds(1), false).action, Action::kWait);
  EXPECT_EQ(a.decide(kSinceTen, due - seconds(1), false).wake, due);
  const auto decision = a.decide(kSinceTen, due, false);
  EXPECT_EQ(decision.action, Action::kStart);
  EXPECT_EQ(decision.scheduled, at("2026-11-24 11:00:00"));
}

TEST(PeriodicPolicy, JitterSpreadsAFleet) {
  kube::PeriodicSpec spec = hourly();
  spec.jitter_s = 59;
  int quarters[4] = {};
  for (int i = 0; i < 400; ++i) {
    ++quarters[make(spec, false, "node-" + std::to_string(i)).jitter().count() / 15];
  }
  for (const int quarter : quarters) {
    EXPECT_GT(quarter, 60);
  }
}

TEST(PeriodicPolicy, ADeadlineCountsFromTheTargetsOwnTime) {
  kube::PeriodicSpec spec = hourly();
  spec.jitter_s = 600;
  spec.starting_deadline_s = 10;
  const Periodic policy = make(spec, false, "a");
  const Wall due = at("2026-11-24 11:00:00") + policy.jitter();
  EXPECT_EQ(policy.decide(kSinceTen, due + seconds(10), false).action, Action::kStart);
  EXPECT_EQ(policy.decide(kSinceTen, due + seconds(11), false).action, Action::kTooLate);
}

TEST(PeriodicPolicy, SecondsOfTheStartDoNotMoveAnEverySchedule) {
  kube::PeriodicSpec spec = hourly();
  spec.schedule = "@every 10s";
  const Periodic policy = make(spec);
  const PeriodicState since{at("2026-11-24 10:00:00"), std::nullopt};
  const auto first = policy.decide(since, at("2026-11-24 10:00:13"), false);
  EXPECT_EQ(first.scheduled, at("2026-11-24 10:00:10"));
  EXPECT_EQ(first.wake, at("2026-11-24 10:00:20"));
  const PeriodicState ran{since.since, first.scheduled};
  EXPECT_EQ(policy.decide(ran, at("2026-11-24 10:00:13"), false).wake, at("2026-11-24 10:00:20"));
  EXPECT_EQ(policy.decide(ran, at("2026-11-24 10:00:19"), false).action, Action::kWait);
  EXPECT_EQ(policy.decide(ran, at("2026-11-24 10:00:20"), false).action, Action::kStart);
}

}  // namespace
}  // namespace recap::caplet
