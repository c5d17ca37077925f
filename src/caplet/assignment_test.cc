// SPDX-License-Identifier: Apache-2.0
#include "caplet/assignment.h"

#include <gtest/gtest.h>

namespace recap::caplet {
namespace {

using kube::ExecutionType;

Now at(std::int64_t s) { return {Wall(seconds(1'800'000'000 + s)), Uptime(seconds(s))}; }

NodeTarget target(const std::string& instance = "one") {
  NodeTarget target;
  target.name = "docker://web";
  target.instance = instance;
  target.target.name = "web";
  target.labels = {{"app", "web"}};
  return target;
}

kube::Capsule capsule(ExecutionType type) {
  kube::Capsule capsule;
  capsule.meta.name = "c";
  capsule.meta.spec_hash = 7;
  capsule.execution.type = type;
  capsule.execution.periodic.schedule = "@every 10s";
  capsule.execution.event.triggers.emplace_back();  // ContainerStarted
  capsule.execution.event.debounce_s = 0;
  capsule.execution.event.cooldown_s = 0;
  return capsule;
}

AssignmentState fresh() {
  AssignmentState state;
  state.capsule = "Capsule/c";
  state.target = "docker://web";
  return state;
}

Assignment bound(const DeclaredPtr& declared, Now now = at(0)) {
  Assignment assignment(fresh());
  EXPECT_TRUE(assignment.bind(declared, target(), now));
  return assignment;
}

RunResult result(const std::string& id, int code = 0, const std::string& reason = "Exited") {
  RunResult result;
  result.id = id;
  result.exit_code = code;
  result.reason = reason;
  return result;
}

TEST(Assignment, APeriodicRunUsesUpItsScheduledTime) {
  Assignment assignment = bound(declare(capsule(ExecutionType::kPeriodic)));
  EXPECT_FALSE(assignment.decide(at(9)).start);
  EXPECT_EQ(assignment.decide(at(9)).wake, at(10).up);
  const Decision due = assignment.decide(at(11));
  ASSERT_TRUE(due.start);
  EXPECT_EQ(due.trigger, "Schedule");
  EXPECT_EQ(due.scheduled, at(10).wall);
  assignment.on_start("r1", due, at(11));
  EXPECT_FALSE(assignment.decide(at(12)).start);
  assignment.on_ended(result("r1", 3), at(13));
  EXPECT_EQ(assignment.state().failed, 1U);
  EXPECT_FALSE(assignment.is_active());
}

TEST(Assignment, ARunThatNeverCameToLifeIsTakenBack) {
  Assignment assignment = bound(declare(capsule(ExecutionType::kPeriodic)));
  assignment.on_start("r1", assignment.decide(at(10)), at(10));
  RunResult never = result("r1");
  never.was_started = false;
  assignment.on_ended(never, at(12));
  const Decision again = assignment.decide(at(12));
  EXPECT_TRUE(again.start);
  EXPECT_EQ(again.scheduled, at(10).wall);
  EXPECT_EQ(assignment.state().failed + assignment.state().succeeded, 0U);
}

// As a CronJob's Jobs: what has started is what was declared then.
TEST(Assignment, AChangedOrSuspendedPeriodicCapsuleLeavesAloneWhatRuns) {
  kube::Capsule made = capsule(ExecutionType::kPeriodic);
  Assignment assignment = bound(declare(made));
  assignment.on_start("r1", assignment.decide(at(10)), at(10));
  made.meta.spec_hash = 8;
  made.execution.periodic.schedule = "@every 30s";
  EXPECT_TRUE(assignment.bind(declare(made), target(), at(11)));
  EXPECT_FALSE(assignment.decide(at(20)).start || assignment.decide(at(20)).stop_active);
  made.suspend = true;
  EXPECT_TRUE(assignment.bind(declare(made), target(), at(21)));
  EXPECT_FALSE(assignment.decide(at(60)).start || assignment.decide(at(60)).stop_active);
  EXPECT_TRUE(assignment.is_active());
}

TEST(Assignment, ForbidIsCountedOnceForEachTimeAndReplaceStopsFirst) {
  kube::Capsule made = capsule(ExecutionType::kPeriodic);
  made.execution.periodic.concurrency = kube::ConcurrencyPolicy::kForbid;
  Assignment forbids = bound(declare(made));
  forbids.on_start("r1", forbids.decide(at(10)), at(10));
  EXPECT_EQ(forbids.decide(at(20)).skipped, "Forbid");
  EXPECT_EQ(forbids.decide(at(21)).skipped, "");
  EXPECT_EQ(forbids.decide(at(30)).skipped, "Forbid");
  forbids.on_ended(result("r1"), at(31));
  EXPECT_EQ(forbids.decide(at(31)).scheduled, at(30).wall);
  made.execution.periodic.concurrency = kube::ConcurrencyPolicy::kReplace;
  Assignment replaces = bound(declare(made));
  replaces.on_start("r1", replaces.decide(at(10)), at(10));
  const Decision due = replaces.decide(at(20));
  EXPECT_TRUE(due.stop_active && due.start);
}

TEST(Assignment, EveryNewLifeOfTheTargetIsAnEventOnce) {
  const DeclaredPtr declared = declare(capsule(ExecutionType::kEvent));
  Assignment assignment = bound(declared);
  ASSERT_TRUE(assignment.decide(at(0)).start);
  assignment.on_start("r1", assignment.decide(at(0)), at(0));
  assignment.on_ended(result("r1"), at(1));
  EXPECT_TRUE(assignment.bind(declared, target(), at(2)));
  EXPECT_FALSE(assignment.decide(at(2)).start);
  EXPECT_TRUE(assignment.bind(declared, target("two"), at(3)));
  EXPECT_EQ(assignment.decide(at(3)).trigger, "ContainerStarted");
  EXPECT_EQ(assignment.take_noticed().size(), 2U);
}

TEST(Assignment, WhatIsAttachedIsReplacedWhenTheSpecChanges) {
  const DeclaredPtr declared = declare(capsule(ExecutionType::kContinuous));
  Assignment assignment = bound(declared);
  ASSERT_TRUE(assignment.decide(at(0)).start);
  assignment.on_start("r1", assignment.decide(at(0)), at(0));
  EXPECT_FALSE(assignment.decide(at(1)).stop_active);
  kube::Capsule changed = declared->capsule;
  changed.meta.spec_hash = 8;
  EXPECT_TRUE(assignment.bind(declare(changed), target(), at(2)));
  EXPECT_TRUE(assignment.decide(at(2)).stop_active);
  assignment.state().live[0].stopping = true;
  assignment.on_ended(result("r1", 125, "Stopped"), at(3));
  EXPECT_TRUE(assignment.decide(at(3)).start) << "what we stopped ourselves needs no back-off";
}

TEST(Assignment, AContinuousRunOfARestartedTargetIsAttachedAtOnce) {
  const DeclaredPtr declared = declare(capsule(ExecutionType::kContinuous));
  Assignment assignment = bound(declared);
  assignment.on_start("r1", assignment.decide(at(0)), at(0));
  assignment.on_ended(result("r1", 1), at(1));
  EXPECT_FALSE(assignment.decide(at(2)).start);
  EXPECT_EQ(assignment.decide(at(2)).wake, at(11).up);
  EXPECT_TRUE(assignment.bind(declared, target("two"), at(3)));
  EXPECT_TRUE(assignment.decide(at(3)).start);
}

DeclaredPtr once(std::uint32_t backoff_limit, Access access = Access::kAllowed) {
  kube::CapsuleRun run;
  run.meta.name = "once";
  run.pod = "web";
  run.backoff_limit = backoff_limit;
  auto declared = std::make_shared<Declared>(*declare(run, nullptr));
  declared->once->access = access;
  declared->once->denial = "no right";
  return declared;
}

TEST(Assignment, ARunOnDemandRunsOnceAndIsTriedAgainAsOftenAsItSays) {
  Assignment assignment = bound(once(1));
  assignment.on_start("r1", assignment.decide(at(0)), at(0));
  EXPECT_FALSE(assignment.decide(at(0)).start);
  assignment.on_ended(result("r1", 1), at(1));
  EXPECT_FALSE(assignment.state().once.done);
  EXPECT_FALSE(assignment.decide(at(10)).start);
  ASSERT_TRUE(assignment.decide(at(11)).start);
  assignment.on_start("r2", assignment.decide(at(11)), at(11));
  assignment.on_ended(result("r2", 1), at(12));
  EXPECT_TRUE(assignment.state().once.done);
  EXPECT_FALSE(assignment.decide(at(1000)).start);
}

TEST(Assignment, ARunOnDemandWaitsForItsUsersRight) {
  EXPECT_FALSE(bound(once(0, Access::kAsked)).decide(at(0)).start);
  EXPECT_TRUE(bound(once(0, Access::kAsked)).decide(at(0)).denial.empty());
  Assignment denied = bound(once(3, Access::kDenied));
  EXPECT_EQ(denied.decide(at(0)).denial, "no right");
  denied.on_refused(denied.decide(at(0)), at(0));
  EXPECT_TRUE(denied.state().once.done);
}

TEST(Assignment, AReleasedOneHasToEnd) {
  Assignment assignment = bound(declare(capsule(ExecutionType::kContinuous)));
  assignment.on_start("r1", assignment.decide(at(0)), at(0));
  assignment.release();
  EXPECT_TRUE(assignment.decide(at(1)).stop_active);
  EXPECT_FALSE(assignment.decide(at(1)).start);
}

TEST(Assignment, KeepsAsManyEndedRunsAsItsHistorySays) {
  kube::Capsule made = capsule(ExecutionType::kPeriodic);
  made.history = {.successful = 2, .failed = 1};
  Assignment assignment = bound(declare(made));
  for (int i = 0; i < 8; ++i) {
    assignment.state().past.push_back({std::to_string(i), i % 2 == 0});
  }
  EXPECT_EQ(assignment.take_outdated(), (std::vector<std::string>{"0", "2", "1", "3", "5"}));
  EXPECT_EQ(assignment.state().past.size(), 3U);
}

TEST(Assignment, ARunOfAnEarlierCapletIsLeftAloneUntilItsTargetIsSeen) {
  AssignmentState state = fresh();
  state.live.emplace_back().id = "r";
  state.once.attempts = 1;
  const DeclaredPtr run = declare(kube::CapsuleRun{}, nullptr);
  Assignment assignment{AssignmentState(state)};
  assignment.lose_target(run);
  EXPECT_TRUE(assignment.is_bound());
  EXPECT_FALSE(assignment.decide(at(1)).stop_active);
  // It has ended meanwhile: it must not run once more when the target is seen.
  Assignment ended{AssignmentState(state)};
  ended.lose_target(run);
  ended.on_ended(result("r"), at(1));
  EXPECT_TRUE(ended.bind(run, target(), at(2)));
  EXPECT_FALSE(ended.decide(at(3)).start);
  assignment.release();
  EXPECT_TRUE(assignment.decide(at(2)).stop_active);
}

TEST(AssignmentState, SurvivesItsFile) {
  AssignmentState state = fresh();
  state.instance = "id@1";
  state.run_now = "please";
  state.not_ready_told = 5;
  state.periodic = {at(1).wall, at(2).wall};
  state.event.pending = EventState::Pending{kube::EventType::kFileChanged, at(3).up};
  state.event.last_end = at(4).up;
  state.event.starts = {at(5).up, at(6).up};
  state.event.counts = {1, 2, 3, 4, 5, 6};
  state.continuous = {seconds(40), at(7).up, at(8).up, true};
  state.once = {2, true, at(9).up};
  state.live.push_back({"run", "id@1", "Schedule", at(10).wall, at(9).wall, at(11).wall, "p",
                        ~std::size_t{0}, true});
  state.past = {{"old", true}};
  state.succeeded = 12;
  state.failed = 13;
  state.skipped = 14;
  const std::string text = to_json(state, "boot");
  const auto read = state_from_json(text, "boot");
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read, "boot"), text);
  EXPECT_EQ(read->live.at(0).spec_hash, ~std::size_t{0});
}

TEST(AssignmentState, TimesSinceBootMeanNothingAfterAnotherBoot) {
  AssignmentState state = fresh();
  state.periodic.last_settled = at(2).wall;
  state.event.last_end = at(4).up;
  state.event.counts = {1, 2, 3, 4, 5, 6};
  state.continuous.not_before = at(8).up;
  const auto read = state_from_json(to_json(state, "boot"), "another");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->periodic.last_settled, at(2).wall);
  EXPECT_FALSE(read->event.last_end || read->continuous.not_before);
  EXPECT_EQ(read->event.counts[5], 6U);
}

TEST(AssignmentState, DamagedFilesAreSeen) {
  for (const char* text : {"", "{", "[]", "{\"capsule\":\"c\"}", "null"}) {
    EXPECT_FALSE(state_from_json(text, "boot")) << text;
  }
}

}  // namespace
}  // namespace recap::caplet
