// SPDX-License-Identifier: Apache-2.0
#include "controller/summary.h"

#include <gtest/gtest.h>

#include "kube/json.h"

namespace recap::controller {
namespace {

NodeView node(std::string_view text) {
  return node_view(*kube::parse_object(text, "a CapsuleNode"));
}

CapsuleView capsule(std::string_view spec = R"({"selector": {"matchLabels": {"app": "web"}},
                                                "function": "ps", "execution": {"type": "OnDemand"}})") {
  const std::string text =
      R"({"metadata": {"name": "c", "namespace": "shop", "uid": "u", "generation": 2},
                              "spec": )" +
      std::string(spec) + "}";
  return capsule_view(*kube::parse_object(text, "a Capsule"), "Capsule");
}

const NodeView kOne = node(R"({"metadata": {"name": "one"}, "status": {"capsules": [
  {"name": "c", "uid": "u", "observedGeneration": 2, "matched": 3, "failed": 1, "succeeded": 7,
   "lastScheduleTime": "2026-11-24T18:00:00Z",
   "lastFailure": {"time": "2026-11-24T17:00:00Z", "reason": "Exited"},
   "worst": [{"pod": "a", "failed": 1}]}]}})");
const NodeView kTwo =
    node(R"({"metadata": {"name": "two"}, "status": {"truncatedCapsules": 3, "capsules": [
  {"name": "c", "uid": "u", "observedGeneration": 2, "matched": 2, "failed": 5, "suppressed": 4,
   "lastScheduleTime": "2026-11-24T19:00:00Z", "problem": "no such function",
   "lastFailure": {"time": "2026-11-24T19:00:00Z", "reason": "TargetGone"},
   "worst": [{"pod": "b", "failed": 4}, {"pod": "c", "failed": 1}]}]}})");

std::vector<NamedShare> both() {
  return {{&kOne.name, &kOne.shares[0]}, {&kTwo.name, &kTwo.shares[0]}};
}

TEST(Summary, IsTheSumOfItsNodes) {
  const auto status = summary_of(capsule(), both(), 1);
  EXPECT_EQ(kube::number_at(status, {"nodes"}), 2);
  EXPECT_EQ(kube::number_at(status, {"matched"}), 5);
  EXPECT_EQ(kube::number_at(status, {"failed"}), 6);
  EXPECT_EQ(kube::number_at(status, {"succeeded"}), 7);
  EXPECT_EQ(kube::number_at(status, {"suppressed"}), 4);
  EXPECT_EQ(kube::number_at(status, {"observedGeneration"}), 2);
  EXPECT_EQ(kube::number_at(status, {"truncatedNodes"}), 1);
  EXPECT_EQ(kube::text_at(status, {"lastScheduleTime"}), "2026-11-24T19:00:00Z");
  EXPECT_EQ(kube::text_at(status, {"lastFailure", "reason"}), "TargetGone");
  EXPECT_EQ(kube::value_at(status, {"lastSuccess"}), nullptr);
  EXPECT_EQ(kube::array_at(status, {"worst"})->at(0).at("pod"), "b");
  EXPECT_TRUE(kTwo.is_truncated);
}

TEST(Summary, OfACapsuleThatNobodyCarriesOutIsZero) {
  const auto status = summary_of(capsule(), {}, 0);
  EXPECT_EQ(kube::number_at(status, {"nodes"}), 0);
  EXPECT_EQ(kube::number_at(status, {"matched"}), 0);
}

TEST(Accepted, NamesWhatIsWrong) {
  EXPECT_EQ(problem_of(capsule(), {}), "");
  EXPECT_EQ(problem_of(capsule(), both()), "node two: no such function");
  CapsuleView later = capsule();
  later.generation = 3;
  EXPECT_EQ(problem_of(later, both()), "") << "that was said of an earlier generation";
  EXPECT_NE(problem_of(capsule(R"({"function": "ps"})"), {}).find("selector"), std::string::npos);
}

}  // namespace
}  // namespace recap::controller
