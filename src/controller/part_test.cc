// SPDX-License-Identifier: Apache-2.0
#include "controller/part.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "kube/json.h"

namespace recap::controller {
namespace {

namespace json = boost::json;

constexpr std::string_view kRun = R"({
  "metadata": {"name": "check", "namespace": "shop", "uid": "u-run", "generation": 3},
  "spec": {"requestedBy": "alice", "selector": {"matchLabels": {"app": "web"}}, "parallelism": 3,
           "function": "ps", "backoffLimit": 2},
  "status": {"phase": "Pending", "targets": {"total": 4},
             "conditions": [{"type": "Bound", "status": "True",
                             "lastTransitionTime": "2026-11-24T18:00:00Z"}]}})";

json::object run_object() { return *kube::parse_object(kRun, "the run"); }
RunView run() { return run_view(run_object()); }

PodView pod(std::string name) {
  return {.name = std::move(name),
          .uid = "1a2b3c4d-5e6f-4711",
          .node = "n1",
          .labels = {},
          .problem = ""};
}

RunView part(std::string_view name, std::string_view phase, std::string_view reason = "Exited",
             int code = 0, bool skipped = false) {
  json::object object = part_of(run_object(), pod(std::string(name)));
  object["metadata"].as_object()["uid"] = name;
  json::object status{{"phase", phase}, {"targets", json::object{{"skipped", skipped ? 1 : 0}}}};
  if (phase == "Succeeded" || phase == "Failed") {
    status["results"] = json::array{json::object{
        {"pod", name}, {"reason", reason}, {"exitCode", code}, {"outputTail", "much"}}};
  }
  if (!phase.empty()) {
    object["spec"].as_object()["nodeName"] = "n1";
  }
  object["status"] = std::move(status);
  return run_view(object);
}

TEST(RunView, IsWhatTheControllerKeeps) {
  const RunView view = run();
  EXPECT_EQ(view.key(), "shop/check");
  EXPECT_EQ(view.story_key(), "shop/check");
  EXPECT_FALSE(view.is_part() || view.is_single() || view.has_ended());
  EXPECT_EQ(view.parallelism, 3U);
  EXPECT_EQ(view.total, 4);
  EXPECT_EQ(view.chosen_s, 1795543200);
}

TEST(Part, IsItsRunForOnePodUnderANameThatIsAlwaysTheSame) {
  const json::object made = part_of(run_object(), pod("web-0"));
  EXPECT_EQ(kube::text_at(made, {"metadata", "name"}), "check-1a2b3c4d5e6f");
  EXPECT_EQ(kube::text_at(made, {"spec", "podName"}), "web-0");
  EXPECT_EQ(kube::text_at(made, {"spec", "podUID"}), "1a2b3c4d-5e6f-4711");
  EXPECT_EQ(kube::text_at(made, {"spec", "requestedBy"}), "alice");
  EXPECT_EQ(kube::number_at(made, {"spec", "backoffLimit"}), 2);
  EXPECT_EQ(kube::value_at(made, {"spec", "selector"}), nullptr);
  EXPECT_EQ(kube::value_at(made, {"spec", "nodeName"}), nullptr);
  const RunView view = run_view(made);
  EXPECT_TRUE(view.is_part());
  EXPECT_EQ(view.story_key(), "shop/check");
  EXPECT_EQ(view.part_of_uid, "u-run");
}

TEST(Tally, CountsEachPartOnce) {
  const RunView good = part("a", "Succeeded"), bad = part("b", "Failed", "Exited", 3),
                absent = part("c", "Failed", "Failed", 127), live = part("d", "Running");
  const Tally tally = tally_of(run(), {&good, &bad, &absent, &live});
  EXPECT_EQ(tally.total, 4);
  EXPECT_EQ(tally.succeeded, 1);
  EXPECT_EQ(tally.failed, 2);
  EXPECT_EQ(tally.active, 1);
  EXPECT_EQ(tally.reasons, (std::map<std::string, std::int64_t>{{"Exited", 1}, {"NotFound", 1}}));
  EXPECT_FALSE(tally.has_ended());
  ASSERT_EQ(tally.results.size(), 3U);
  EXPECT_NE(tally.results[0].find("\"b\""), std::string::npos) << "failures first";
  EXPECT_EQ(tally.results[0].find("much"), std::string::npos) << "output stays in the part";
}

TEST(Tally, WhatWasDeletedBySomebodyIsSkipped) {
  const RunView good = part("a", "Succeeded"), late = part("b", "Failed", "TargetGone", 125, true);
  const Tally tally = tally_of(run(), {&good, &late});
  EXPECT_EQ(tally.skipped, 3);
  EXPECT_TRUE(tally.has_ended());
  EXPECT_EQ(tally.reasons.at("Deleted"), 2);
  EXPECT_EQ(tally.reasons.at("TargetGone"), 1);
}

TEST(Status, OfTheEndSaysHowMany) {
  const RunView good = part("a", "Succeeded"), bad = part("b", "Failed", "Exited", 3);
  RunView of_two = run();
  of_two.total = 2;
  const json::object status = status_of(of_two, tally_of(of_two, {&good, &bad}), 1795543260);
  EXPECT_EQ(kube::text_at(status, {"phase"}), "Failed");
  EXPECT_EQ(kube::text_at(status, {"completionTime"}), "2026-11-24T18:01:00Z");
  const json::array& conditions = *kube::array_at(status, {"conditions"});
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(conditions[0].at("lastTransitionTime"), "2026-11-24T18:00:00Z");
  EXPECT_EQ(conditions[1].at("message"), "1 of 2 targets succeeded: 1 Exited");
}

TEST(Status, ThatHasNotChangedIsTheSame) {
  const RunView live = part("a", "Running");
  const Tally tally = tally_of(run(), {&live});
  EXPECT_EQ(json::serialize(status_of(run(), tally, 1)),
            json::serialize(status_of(run(), tally, 2)));
}

TEST(Status, WithoutTargetsHasAConditionOfThatName) {
  const json::object status = failed_status(run(), "NoTargets", "none", 1795543260);
  EXPECT_EQ(kube::array_at(status, {"conditions"})->at(1).at("type"), "NoTargets");
  EXPECT_EQ(kube::number_at(status, {"targets", "total"}), 0);
}

TEST(Selector, IsWrittenAsARequestHasIt) {
  using Operator = kube::LabelRequirement::Operator;
  const kube::LabelSelector selector{{{"app", Operator::kIn, {"web", "db"}},
                                      {"tier", Operator::kNotIn, {"x"}},
                                      {"a.b/c", Operator::kExists, {}},
                                      {"canary", Operator::kDoesNotExist, {}}}};
  EXPECT_EQ(selector_text(selector), "app in (web,db),tier notin (x),a.b/c,!canary");
}

TEST(Pod, IsATargetOnlyWhileItRuns) {
  const auto problem_of = [](std::string_view text) {
    return pod_view(*kube::parse_object(text, "a pod")).problem;
  };
  EXPECT_EQ(problem_of(R"({"spec": {"nodeName": "n"}, "status": {"phase": "Running"}})"), "");
  EXPECT_EQ(problem_of(R"({"spec": {}, "status": {"phase": "Pending"}})"),
            "is not scheduled to a node yet");
  EXPECT_EQ(problem_of(R"({"spec": {"nodeName": "n"}, "status": {"phase": "Failed"}})"),
            "has ended");
  EXPECT_EQ(problem_of(R"({"metadata": {"deletionTimestamp": "2026-11-24T18:00:00Z"},
                           "spec": {"nodeName": "n"}, "status": {"phase": "Running"}})"),
            "is being deleted");
}

}  // namespace
}  // namespace recap::controller
