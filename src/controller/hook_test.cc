// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "controller/hook_event.h"
#include "controller/hook_run.h"
#include "kube/json.h"

namespace recap::controller {
namespace {

service::HttpPost post(std::string body, std::map<std::string, std::string> headers = {}) {
  return {.rest = "", .headers = std::move(headers), .body = std::move(body)};
}

constexpr const char* kNotification = R"({"version": "4", "status": "firing", "alerts": [
  {"status": "firing", "labels": {"alertname": "Slow", "severity": "page"}},
  {"status": "resolved", "labels": {"alertname": "Down", "severity": "page"}}]})";

TEST(HookEvent, OfAlertmanagerIsEachAlertThatFires) {
  const auto events = events_of(post(kNotification, {{"content-type", "application/json"}}));
  ASSERT_TRUE(events) << events.error().message();
  ASSERT_EQ(events->size(), 1U);
  EXPECT_TRUE(events->at(0).has({{"severity", "page"}, {"alertname", "Slow"}}));
  EXPECT_FALSE(events->at(0).has({{"severity", "ticket"}}));
  EXPECT_FALSE(events->at(0).has({{"team", ""}})) << "a label that is not there";
}

TEST(HookEvent, OfACloudEventInEachOfItsForms) {
  const std::string event =
      R"({"specversion": "1.0", "id": "7", "source": "/ci", "type": "build", "stage": "prod"})";
  const service::HttpPost forms[] = {
      post("anything",
           {{"ce-specversion", "1.0"}, {"ce-id", "7"}, {"ce-source", "/ci"}, {"ce-stage", "prod"}}),
      post(event, {{"content-type", "application/cloudevents+json; charset=utf-8"}}),
      post("[" + event + "]", {{"content-type", "application/cloudevents-batch+json"}})};
  for (const service::HttpPost& form : forms) {
    const auto events = events_of(form);
    ASSERT_TRUE(events) << events.error().message();
    ASSERT_EQ(events->size(), 1U);
    EXPECT_EQ(events->at(0).id, "/ci\n7");
    EXPECT_TRUE(events->at(0).has({{"stage", "prod"}}));
  }
}

TEST(HookEvent, WhatIsNeitherIsRefused) {
  for (const char* body : {"", "[]", "{}", "not json", R"({"version": "3", "alerts": []})"}) {
    EXPECT_FALSE(events_of(post(body))) << body;
  }
  EXPECT_FALSE(events_of(
      post("{\"specversion\": \"0.3\"}", {{"content-type", "application/cloudevents+json"}})));
  EXPECT_FALSE(events_of(post("[7]", {{"content-type", "application/cloudevents-batch+json"}})));
  EXPECT_FALSE(events_of(post(std::string(10'000, '['))));
}

kube::Capsule capsule() {
  kube::Capsule capsule;
  capsule.meta.name = "alert-hook";
  capsule.meta.uid = "u1";
  kube::EventSource source;
  source.type = kube::EventType::kWebhook;
  source.hook = "slow";
  source.hook_labels = {{"severity", "page"}};
  capsule.execution.type = kube::ExecutionType::kEvent;
  capsule.execution.event.triggers = {source};
  capsule.execution.event.debounce_s = 5;
  capsule.execution.event.cooldown_s = 60;
  capsule.execution.event.max_runs_per_hour = 2;
  return capsule;
}

TEST(HookRun, StartsUnlessSomethingHoldsItBack) {
  const kube::Capsule one = capsule();
  const std::int64_t now = 100'000;
  EXPECT_EQ(outcome_for(one, {}, now), "accepted");
  EXPECT_EQ(outcome_for(one, {{now - 3, now - 1, true}}, now), "debounce");
  EXPECT_EQ(outcome_for(one, {{now - 30, 0, false}}, now), "active");
  EXPECT_EQ(outcome_for(one, {{now - 70, now - 59, true}}, now), "cooldown");
  EXPECT_EQ(outcome_for(one, {{now - 70, now - 60, true}}, now), "accepted");
  EXPECT_EQ(outcome_for(one, {{now - 70, now - 61, true}, {now - 3599, now - 3500, true}}, now),
            "limit");
  EXPECT_EQ(outcome_for(one, {{now - 70, now - 61, true}, {now - 3600, now - 3500, true}}, now),
            "accepted");
  kube::Capsule suspended = one;
  suspended.suspend = true;
  EXPECT_EQ(outcome_for(suspended, {}, now), "suspended");
}

TEST(HookRun, IsForAMatchingEventOnly) {
  const kube::Capsule one = capsule();
  EXPECT_TRUE(has_hook(one, "slow"));
  EXPECT_FALSE(has_hook(one, "other"));
  EXPECT_NE(source_for(one, "slow", {{.id = "", .labels = {{"severity", "page"}}}}), nullptr);
  EXPECT_EQ(source_for(one, "slow", {{.id = "", .labels = {{"severity", "info"}}}}), nullptr);
  EXPECT_EQ(source_for(one, "slow", {}), nullptr);
}

TEST(HookRun, HasANameThatTheSameEventHasAgain) {
  const HookCall call{
      .ns = "shop", .hook = "slow", .caller = "alertmanager", .controller = "us", .now_s = 1000};
  const auto name_of = [&](std::int64_t now_s, const std::string& id) {
    HookCall later = call;
    later.now_s = now_s;
    return std::string(kube::text_at(hook_run(capsule(), later, id), {"metadata", "name"}));
  };
  EXPECT_EQ(name_of(1000, ""), name_of(1004, ""));
  EXPECT_NE(name_of(1000, ""), name_of(1005, ""));
  EXPECT_EQ(name_of(1000, "a"), name_of(9000, "a"));
  EXPECT_NE(name_of(1000, "a"), name_of(1000, "b"));
  EXPECT_EQ(name_of(1000, "").size(), std::string_view("alert-hook").size() + 11);
  const auto run = hook_run(capsule(), call, "");
  EXPECT_EQ(kube::text_at(run, {"spec", "requestedBy"}), "us");
  EXPECT_EQ(kube::text_at(run, {"spec", "capsuleRef", "name"}), "alert-hook");
  EXPECT_EQ(kube::text_at(run, {"metadata", "annotations", "recap.dev/triggered-by"}),
            "alertmanager");
}

}  // namespace
}  // namespace recap::controller
