// SPDX-License-Identifier: Apache-2.0
#include "kubectl/run_state.h"

#include <gtest/gtest.h>

#include "kube/json.h"
#include "kubectl/show.h"

namespace recap::kubectl {
namespace {

RunState state(std::string_view text) {
  const auto object = kube::parse_object(text, "test");
  EXPECT_TRUE(object);
  return run_state_of(*object);
}

TEST(RunState, ReadsWhatTheCapletWrites) {
  const RunState run = state(R"({
      "metadata": {"name": "ps-1", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:10Z"},
      "spec": {"podName": "web", "function": "ps", "nodeName": "n1"},
      "status": {"phase": "Failed", "targets": {"total": 1, "failed": 1},
        "conditions": [{"type": "Failed", "status": "True", "reason": "Exited", "message": ""}],
        "results": [{"pod": "web", "node": "n1", "runID": "r", "exitCode": 3, "reason": "Exited",
                     "outputTail": "AP8=", "errorTail": "b29wcw==", "outputEncoding": "Base64",
                     "outputBytes": 70000, "errorBytes": 4}]}})");
  EXPECT_EQ(run.function, "ps");
  EXPECT_TRUE(run.has_ended());
  EXPECT_FALSE(run.has_parts);
  ASSERT_EQ(run.results.size(), 1U);
  EXPECT_EQ(run.results[0].out, std::string("\0\xff", 2));
  EXPECT_EQ(run.results[0].err, "oops");
  EXPECT_EQ(run.results[0].out_bytes, 70000);
  EXPECT_EQ(exit_code_of(run), 3);
  EXPECT_EQ(status_text(run), "Failed (3)");
  EXPECT_EQ(run.created_s, 1767225610);
}

TEST(RunState, IsCalmAboutWhatIsNotThere) {
  const RunState run = state("{}");
  EXPECT_FALSE(run.has_ended());
  EXPECT_FALSE(run.is_bound);
  EXPECT_EQ(status_text(run), "Pending");
  const RunState odd = state(R"({"status":{"phase":"Failed","results":[3,{"exitCode":"x",
      "outputEncoding":"Base64","outputTail":"?"}],"conditions":"none"}})");
  EXPECT_EQ(odd.results.size(), 1U);
  EXPECT_EQ(exit_code_of(odd), 125);
}

RunState fleet(std::string_view phase, std::string_view results, std::string_view reason = "") {
  return state(std::string(R"({"spec":{"selector":{}},"status":{"phase":")")
                   .append(phase)
                   .append(R"(","conditions":[{"type":"Failed","status":"True","reason":")")
                   .append(reason)
                   .append(R"("}],"results":[)")
                   .append(results)
                   .append("]}}"));
}

TEST(ExitCodeOf, SumsUpAFleet) {
  EXPECT_EQ(exit_code_of(fleet("Succeeded", R"({"exitCode":0})")), 0);
  EXPECT_EQ(exit_code_of(fleet("Failed", R"({"exitCode":3},{"exitCode":3},{"exitCode":0})")), 3);
  EXPECT_EQ(exit_code_of(fleet("Failed", R"({"exitCode":3},{"exitCode":127})")), 1);
  EXPECT_EQ(exit_code_of(fleet("Failed", "", "NoTargets")), 125);
  EXPECT_EQ(exit_code_of(fleet("Failed", "", "DeadlineExceeded")), 124);
}

TEST(Prefixed, NamesThePodOnEachLine) {
  EXPECT_EQ(prefixed("", "web"), "");
  EXPECT_EQ(prefixed("a\n\nb", "web"), "[web] a\n[web] \n[web] b\n");
}

}  // namespace
}  // namespace recap::kubectl
