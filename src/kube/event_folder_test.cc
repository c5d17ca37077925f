// SPDX-License-Identifier: Apache-2.0
#include "kube/event_folder.h"

#include <gtest/gtest.h>

namespace recap::kube {
namespace {

using namespace std::chrono_literals;

Clock::time_point at(std::chrono::seconds time) { return Clock::time_point(1h) + time; }
std::int64_t ns(std::chrono::seconds time) { return 1'700'000'000'000'000'000 + time / 1ns; }

Event failed_run(std::string name = "web") {
  Event event;
  event.regarding = {"recap.dev/v1alpha1", "Capsule", "shop", std::move(name), "uid-1"};
  event.reason = "RunFailed";
  event.action = "Run";
  event.note = "exit code 3";
  return event;
}

TEST(EventFolder, TheSecondBecomesASeriesAndFurtherOnesAreCounted) {
  EventFolder folder;
  const auto first = folder.record(failed_run(), at(0s), ns(0s));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->count, 1);
  EXPECT_EQ(first->ns, "shop");
  EXPECT_TRUE(first->name.starts_with("web."));
  const auto second = folder.record(failed_run(), at(10s), ns(10s));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->count, 2);
  EXPECT_EQ(second->name, first->name);
  EXPECT_EQ(second->first_ns, ns(0s));
  EXPECT_EQ(second->last_ns, ns(10s));
  EXPECT_FALSE(folder.record(failed_run(), at(20s), ns(20s)));
  EXPECT_FALSE(folder.record(failed_run(), at(30s), ns(30s)));
  EXPECT_EQ(folder.folded(), 2U);

  EXPECT_TRUE(folder.due(at(300s)).empty());
  const auto ended = folder.due(at(30s + 6min));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].count, 4);
  EXPECT_EQ(ended[0].last_ns, ns(30s));
  EXPECT_TRUE(folder.idle());
  EXPECT_EQ(folder.record(failed_run(), at(1h), ns(1h))->count, 1);
}

TEST(EventFolder, ALongSeriesIsWrittenEveryHalfHour) {
  EventFolder folder;
  (void)folder.record(failed_run(), at(0s), ns(0s));
  std::vector<int> written;
  for (auto time = 300s; time <= 2h; time += 300s) {
    (void)folder.record(failed_run(), at(time), ns(time));
    for (const EventWrite& each : folder.due(at(time))) {
      written.push_back(each.count);
    }
  }
  EXPECT_EQ(written, (std::vector<int>{8, 14, 20}));
}

TEST(EventFolder, AnEventOnceIsForgottenWithoutAWrite) {
  EventFolder folder;
  (void)folder.record(failed_run(), at(0s), ns(0s));
  EXPECT_TRUE(folder.due(at(10min)).empty());
  EXPECT_TRUE(folder.idle());
}

TEST(EventFolder, ABusyObjectDoesNotSilenceAnother) {
  EventFolder folder;
  int written = 0;
  for (int i = 0; i < 100; ++i) {
    Event event = failed_run();
    event.reason = "Reason" + std::to_string(i);
    written += folder.record(event, at(0s), ns(0s)) ? 1 : 0;
  }
  EXPECT_EQ(written, 25);
  EXPECT_EQ(folder.suppressed(), 75U);
  EXPECT_TRUE(folder.record(failed_run("db"), at(0s), ns(0s)));
  EXPECT_FALSE(folder.record(failed_run(), at(299s), ns(299s)));
  EXPECT_TRUE(folder.record(failed_run(), at(301s), ns(301s)));
}

TEST(EventFolder, WhatTheApiLimitsIsCut) {
  EventFolder folder;
  Event event = failed_run(std::string(253, 'a'));
  event.regarding.ns = "";
  event.note = std::string(1023, 'x') + "\xc3\xa9";  // an é across the limit
  const auto write = folder.record(event, at(0s), ns(0s));
  ASSERT_TRUE(write);
  EXPECT_EQ(write->ns, "default");
  EXPECT_LE(write->name.size(), 253U);
  EXPECT_EQ(write->event.note, std::string(1023, 'x'));
}

}  // namespace
}  // namespace recap::kube
