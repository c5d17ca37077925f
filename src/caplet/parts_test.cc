// SPDX-License-Identifier: Apache-2.0
// The small parts: plans, what a pod is, where a cgroup is, words.
#include <algorithm>

#include <gtest/gtest.h>

#include "caplet/kube_reporter.h"
#include "caplet/node_status.h"
#include "caplet/options.h"
#include "caplet/plan.h"
#include "caplet/pod_source.h"
#include "caplet/target_cgroup.h"
#include "kube/json.h"
#include "kube/kinds_parse.h"

namespace recap::caplet {
namespace {

TEST(Plan, CommandAndArgumentsAreThoseOfAPod) {
  kube::FunctionSpec function;
  function.image = "x";
  function.args = {"-c", "4"};
  EXPECT_FALSE(request_of(function, {}).entrypoint);
  EXPECT_EQ(request_of(function, {}).words, function.args);
  function.command = {"/bin/sh", "-e"};
  const auto request = request_of(function, {.active_deadline_s = 3, .grace_s = 1});
  EXPECT_EQ(*request.entrypoint, "/bin/sh");
  EXPECT_EQ(request.words, (std::vector<std::string>{"-e", "-c", "4"}));
  EXPECT_EQ(request.limits.deadline_ms, 3000U);
  EXPECT_TRUE(request.detached);
}

TEST(Plan, ARunsNameFitsAndItsRequesterIsTheObject) {
  EXPECT_EQ(name_of_run("rotate-logs", "1a2b3c4d5e6f"), "rotate-logs-1a2b3c4d5e6f");
  EXPECT_LE(name_of_run(std::string(253, 'a'), "1a2b3c4d5e6f").size(), 63U);
  kube::ObjectMeta meta;
  meta.name = "n";
  meta.ns = "shop";
  meta.generation = 4;
  EXPECT_EQ(requester_of("Capsule", meta), "Capsule/shop/n#4");
}

// A fleet that was started at once, or that an outage has brought into step.
TEST(NodeStatus, NodesWriteAtSecondsOfTheirOwn) {
  constexpr std::int64_t kNow = 1'800'000'000;
  constexpr int kNodes = 5000, kSeconds = 300;
  std::vector<int> writes(kSeconds);
  for (int i = 0; i < kNodes; ++i) {
    const std::string node = "node-" + std::to_string(i);
    const std::int64_t round = status_round(node, kNow);
    std::int64_t now = kNow;
    while (status_round(node, now) == round) {
      const auto wait = until_next_look(node, now).count();
      ASSERT_GT(wait, 0);
      ASSERT_LE(wait, 30);
      now += wait;
    }
    ASSERT_LE(now - kNow, kSeconds);
    EXPECT_EQ(status_round(node, now - 1), round);
    ++writes.at(static_cast<std::size_t>(now - kNow - 1));
  }
  EXPECT_LT(*std::ranges::max_element(writes), 3 * kNodes / kSeconds);
}

std::string wrong_with(const std::string& spec) {
  const auto manifests = kube::parse_manifests(
      "apiVersion: recap.dev/v1alpha1\nkind: Capsule\nmetadata: {name: c}\nspec: {function: ps, "
      "selector: {matchLabels: {a: b}}, " +
      spec + "}\n");
  EXPECT_TRUE(manifests) << manifests.error().message();
  const auto ok = check(manifests->front());
  return ok ? "" : std::string(ok.error().message());
}

TEST(Manifest, WhatIsWrongIsSaidBeforeThereIsATarget) {
  const auto periodic = [](const std::string& rest) {
    return "execution: {type: Periodic, periodic: {" + rest + "}}";
  };
  EXPECT_EQ(wrong_with(periodic("schedule: '0 3 * * *', timeZone: Europe/Zurich")), "");
  EXPECT_EQ(wrong_with(periodic("schedule: '61 * * * *'")),
            "Capsule c: spec.execution.periodic: the minute '61' of the schedule must lie in 0-59");
  EXPECT_NE(
      wrong_with(periodic("schedule: '@daily', timeZone: Europe/Zuerich")).find("no time zone"),
      std::string::npos);
  EXPECT_NE(wrong_with("execution: {type: OnDemand}, resources: {limits: {memory: 1Ki}}")
                .find("Capsule c: spec.resources.limits: no program starts within"),
            std::string::npos);
}

TEST(TargetCgroup, IsFoundInEitherVersion) {
  const char* const v1 = "9:cpu,cpuacct:/docker/a\n4:memory:/docker/b\n0::/c\n";
  EXPECT_EQ(path_in(v1, "memory"), "/docker/b");
  EXPECT_EQ(path_in(v1, "cpu"), "/docker/a");
  EXPECT_EQ(path_in(v1, ""), "/c");
  EXPECT_EQ(path_in(v1, "mem"), "");
  EXPECT_EQ(path_in("garbage\n::\n", "memory"), "");
}

const char* const kPod = R"({"metadata": {"name": "web-0", "namespace": "shop", "uid": "u1",
  "labels": {"app": "web"}, "annotations": {"kubectl.kubernetes.io/default-container": "nginx"}},
  "spec": {"containers": [{"name": "sidecar"}, {"name": "nginx"}]},
  "status": {"containerStatuses": [{"name": "nginx", "containerID": "containerd://abc"}],
    "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T18:00:00Z"}]}})";

TEST(Pod, IsReadAndItsContainersAreKnown) {
  const auto object = kube::parse_object(kPod, "the pod");
  ASSERT_TRUE(object);
  const auto pod = pod_of(*object);
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->default_container, "nginx");
  EXPECT_EQ(pod->labels.at("app"), "web");
  EXPECT_EQ(pod->not_ready_since_s, 1795543200);
  targets::Target target;
  target.pod = "web-0";
  target.pod_namespace = "shop";
  target.container = "nginx";
  target.id = "abc";
  EXPECT_TRUE(is_container_of(target, *pod));
  target.id = "other";
  EXPECT_FALSE(is_container_of(target, *pod));
  target.labels["io.kubernetes.cri.sandbox-uid"] = "u1";
  EXPECT_TRUE(is_container_of(target, *pod)) << "its status comes later";
  target.labels["io.kubernetes.cri.sandbox-uid"] = "of-an-earlier-pod";
  EXPECT_FALSE(is_container_of(target, *pod));
  target.container.clear();
  EXPECT_FALSE(is_container_of(target, *pod)) << "the pod's sandbox";
}

OutputTail whole(std::string bytes) {
  const std::size_t total = bytes.size();
  return {std::move(bytes), total};
}

TEST(Output, IsTextOrBase64) {
  boost::json::object result;
  add_output(result, whole("grüezi\n"), whole(""));
  EXPECT_EQ(result["outputTail"], "grüezi\n");
  EXPECT_EQ(result["outputEncoding"], "Text");
  add_output(result,
             {"\xbc"
              "ezi",
              9},
             whole(""));  // cut in the middle of a character
  EXPECT_EQ(result["outputTail"], "ezi");
  EXPECT_EQ(result["outputBytes"], 9);
  add_output(result,
             whole("\xbc"
                   "ezi"),
             whole(""));  // the first byte that was written
  EXPECT_EQ(result["outputTail"], "vGV6aQ==");
  add_output(result, whole(std::string("a\0b", 3)), whole("err"));
  EXPECT_EQ(result["outputEncoding"], "Base64");
  EXPECT_EQ(result["outputTail"], "YQBi");
  EXPECT_EQ(result["errorTail"], "ZXJy");
  for (const char* wrong :
       {"\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80"}) {
    add_output(result, whole(wrong), whole(""));
    EXPECT_EQ(result["outputEncoding"], "Base64") << result["outputTail"];
  }
}

base::Result<Words> parse(std::vector<std::string> words) {
  std::vector<char*> args;
  for (std::string& word : words) {
    args.push_back(word.data());
  }
  return parse_words(args);
}

TEST(Words, AreRead) {
  const auto words = parse(
      {"--manifests=/m", "--max-runs-per-node", "3", "--store", "a=/b", "--keep-records", "1h"});
  ASSERT_TRUE(words) << words.error().message();
  EXPECT_EQ(words->manifests, "/m");
  EXPECT_EQ(words->options.max_runs_per_node, 3U);
  EXPECT_EQ(words->options.stores.at("a"), "/b");
  EXPECT_EQ(words->options.keep_records_s, 3600);
  EXPECT_EQ(parse({"drain"})->verb, Words::Verb::kDrain);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--nothing"},
                                                {"--manifests"},
                                                {"--store", "x"},
                                                {"--store", "x="},
                                                {"--max-runs-per-target", "0"},
                                                {"--max-runs-per-target", "many"},
                                                {"serve"}}) {
    EXPECT_FALSE(parse(wrong)) << wrong[0];
  }
}

}  // namespace
}  // namespace recap::caplet
