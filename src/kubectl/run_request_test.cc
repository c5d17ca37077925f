// SPDX-License-Identifier: Apache-2.0
#include "kubectl/run_request.h"

#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "kube/kinds_parse.h"
#include "kubectl/manual.h"

namespace recap::kubectl {
namespace {

namespace json = boost::json;

base::Result<RunCommand> parse(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  return parse_run_command(pointers);
}

std::string problem(std::vector<std::string> words) {
  const auto command = parse(std::move(words));
  return command ? "" : std::string(command.error().message());
}

json::object object(std::vector<std::string> words) {
  const auto command = parse(std::move(words));
  EXPECT_TRUE(command) << command.error().message();
  kube::UserInfo user;
  user.name = "eve";
  user.groups = {"dev", "system:authenticated"};
  return object_of(*command, user, "ps-abc");
}

json::value spec(std::vector<std::string> words) {
  json::object made = object(std::move(words));
  made["spec"].get_object().erase("requestedBy");
  made["spec"].get_object().erase("requestedByGroups");
  return made["spec"];
}

// The kind's own reader takes what is made here.
kube::CapsuleRun read(std::vector<std::string> words) {
  const json::value made = json::parse(json::serialize(object(std::move(words))));
  auto run = kube::parse_capsule_run(made, kube::Origin::kManifest);
  EXPECT_TRUE(run) << run.error().message();
  return *std::move(run);
}

TEST(ObjectOf, IsInTheUsersName) {
  const json::object made = object({"ps", "web-0"});
  EXPECT_EQ(
      json::serialize(made),
      R"({"apiVersion":"recap.dev/v1alpha1","kind":"CapsuleRun","metadata":{"name":"ps-abc"},)"
      R"("spec":{"requestedBy":"eve","requestedByGroups":["dev","system:authenticated"],)"
      R"("podName":"web-0","function":"ps"}})");
}

TEST(ObjectOf, TellsFunctionsFromImages) {
  EXPECT_EQ(spec({"tcpdump", "pod/web-0", "-c", "nginx"}),
            json::parse(R"({"podName":"web-0","container":"nginx","function":"tcpdump"})"));
  EXPECT_EQ(spec({"registry.example/a/b:1", "web"}),
            json::parse(R"({"podName":"web","image":"registry.example/a/b:1"})"));
  EXPECT_EQ(spec({"debian:12", "web"}), json::parse(R"({"podName":"web","image":"debian:12"})"));
}

TEST(ObjectOf, CarriesEveryFlagOfTheFunction) {
  const kube::CapsuleRun run = read({"tcpdump",   "web",        "--entrypoint",
                                     "/bin/sh",   "--share",    "net,pid",
                                     "--view",    "target",     "--path",
                                     "/etc",      "--writable", "/var/log",
                                     "--cap",     "NET_RAW",    "--run-as",
                                     "target",    "--profile",  "net",
                                     "--cpus",    "0.5",        "--memory",
                                     "64Mi",      "--pids",     "7",
                                     "--scratch", "1Mi",        "--timeout",
                                     "1500ms",    "--grace",    "2s",
                                     "--env",     "A=b=c",      "--allow-host-namespaces",
                                     "--",        "-c",         "echo hi"});
  EXPECT_EQ(run.function.command, std::vector<std::string>{"/bin/sh"});
  EXPECT_EQ(run.function.args, (std::vector<std::string>{"-c", "echo hi"}));
  EXPECT_EQ(run.function.env[0], (std::pair<std::string, std::string>{"A", "b=c"}));
  EXPECT_EQ(*run.function.grant.share, run::kShareNet | run::kSharePid);
  EXPECT_EQ(*run.function.grant.view, run::View::kTarget);
  EXPECT_EQ(run.function.grant.paths->size(), 2U);
  EXPECT_TRUE(run.function.grant.paths->at(1).writable);
  EXPECT_EQ(*run.function.grant.run_as, run::RunAs::kTarget);
  EXPECT_EQ(*run.function.grant.profile, run::Profile::kNet);
  EXPECT_TRUE(run.function.host_namespaces);
  EXPECT_EQ(run.function.cpu_millis, 500U);
  EXPECT_EQ(run.function.memory_bytes, 64U << 20);
  EXPECT_EQ(run.function.pids, 7U);
  EXPECT_EQ(run.function.scratch_bytes, 1U << 20);
  EXPECT_EQ(run.end.active_deadline_s, 2);  // never less than was asked for
  EXPECT_EQ(run.end.grace_s, 2);
}

TEST(ObjectOf, TakesSelectorsAndCapsules) {
  EXPECT_EQ(
      spec({"ps", "-l", "app=web", "--parallelism", "3"}),
      json::parse(
          R"({"selector":{"matchExpressions":[{"key":"app","operator":"In","values":["web"]}]},)"
          R"("parallelism":3,"function":"ps"})"));
  EXPECT_EQ(spec({"--from", "capsule/md5-check"}),
            json::parse(R"({"capsuleRef":{"kind":"Capsule","name":"md5-check"}})"));
  EXPECT_EQ(
      spec({"--from=clustercapsule/scan", "web-0"}),
      json::parse(R"({"podName":"web-0","capsuleRef":{"kind":"ClusterCapsule","name":"scan"}})"));
}

TEST(SelectorOf, ReadsWhatKubectlReads) {
  const auto text = [](std::string_view selector) {
    const auto made = selector_of(selector);
    return made ? json::serialize(made->at("matchExpressions")) : std::string("wrong");
  };
  EXPECT_EQ(text("a==b"), R"([{"key":"a","operator":"In","values":["b"]}])");
  EXPECT_EQ(text("a!=b"), R"([{"key":"a","operator":"NotIn","values":["b"]}])");
  EXPECT_EQ(text("!a, b"),
            R"([{"key":"a","operator":"DoesNotExist"},{"key":"b","operator":"Exists"}])");
  EXPECT_EQ(text("e in (a, b),f notin (c)"), R"([{"key":"e","operator":"In","values":["a","b"]},)"
                                             R"({"key":"f","operator":"NotIn","values":["c"]}])");
  for (const std::string_view bad : {"", ",", "=b", "a in b", "a in (b", "!", "(a)"}) {
    EXPECT_EQ(text(bad), "wrong") << bad;
  }
}

TEST(ParseRunCommand, SaysWhatIsWrong) {
  EXPECT_NE(problem({}).find("say what to run"), std::string::npos);
  EXPECT_NE(problem({"ps"}).find("say in which pod: kubectl recap run ps POD"), std::string::npos);
  EXPECT_NE(problem({"ps", "a", "b"}).find("unexpected word 'b'"), std::string::npos);
  EXPECT_NE(problem({"ps", "a", "-l", "x=y"}).find("unexpected word 'a'"), std::string::npos);
  EXPECT_NE(problem({"ps", "deploy/web"}).find("use -l LABELS"), std::string::npos);
  EXPECT_NE(problem({"-it", "ps", "web"}).find("--stdin: a terminal or stdin cannot be passed"),
            std::string::npos);
  EXPECT_NE(problem({"ps", "web", "--user", "0"}).find("--user is possible on the node only"),
            std::string::npos);
  EXPECT_NE(problem({"ps", "web", "--memory", "lots"}).find("--memory"), std::string::npos);
  EXPECT_NE(problem({"ps", "-l", "a in b"}).find("is no selector"), std::string::npos);
  EXPECT_NE(problem({"--from", "web"}).find("capsule/NAME"), std::string::npos);
  EXPECT_NE(problem({"ps", "web", "--nope"}).find("unknown flag --nope"), std::string::npos);
}

// A flag that the manual has and nothing reads is an internal error.
TEST(ParseRunCommand, ReadsEveryFlagOfTheManual) {
  for (const auto flags : {console::find_manual(program(), "run")->flags, program().common_flags}) {
    for (const console::Flag& flag : flags) {
      std::vector<std::string> words{std::string(flag.names.substr(flag.names.find("--")))};
      if (!flag.value.empty()) {
        words.emplace_back("\x01");
      }
      EXPECT_EQ(problem(words).find("nothing reads"), std::string::npos) << words[0];
    }
  }
}

TEST(NameStem, IsALabel) {
  const auto stem = [](std::vector<std::string> words) { return name_stem(*parse(words)); };
  EXPECT_EQ(stem({"tcpdump", "web"}), "tcpdump");
  EXPECT_EQ(stem({"registry.example:5000/Tools/My_Scan:1@sha256:ab", "web"}), "my-scan");
  EXPECT_EQ(stem({"--from", "capsule/md5-check"}), "md5-check");
}

}  // namespace
}  // namespace recap::kubectl
