// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <linux/capability.h>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "cli/manual.h"

namespace recap::cli {
namespace {

base::Result<RunOptions> parse(std::vector<std::string> words, std::string_view verb = "run") {
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  return parse_run_options(verb, pointers);
}

std::string problem(std::vector<std::string> words) {
  auto options = parse(std::move(words));
  return options ? "" : std::string(options.error().message());
}

TEST(RunOptions, ReadsFunctionTargetAndWords) {
  auto options = parse({"tcpdump", "web", "--", "-i", "any", "-c", "5"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->request.image, "tcpdump");
  EXPECT_EQ(options->request.target, "web");
  EXPECT_EQ(options->request.words, (std::vector<std::string>{"-i", "any", "-c", "5"}));
  EXPECT_FALSE(options->terminal_by_itself);
}

TEST(RunOptions, ATargetAloneIsAToolboxShell) {
  for (const char* verb : {"run", "shell"}) {
    auto options = parse({"web"}, verb);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->request.image, "toolbox");
    EXPECT_EQ(options->request.target, "web");
    EXPECT_TRUE(options->terminal_by_itself);
  }
}

TEST(RunOptions, SayWhatTheVerbTakes) {
  EXPECT_NE(problem({}).find("recap run FUNCTION|IMAGE TARGET"), std::string::npos);
  const auto shell = parse({}, "shell");
  ASSERT_FALSE(shell);
  EXPECT_NE(shell.error().message().find("recap shell TARGET"), std::string_view::npos);
}

TEST(RunOptions, HasDefaults) {
  auto options = parse({"tcpdump", "web"});
  ASSERT_TRUE(options);
  const capsule::LimitRequest& limits = options->request.limits;
  EXPECT_FALSE(limits.memory_bytes || limits.pids || limits.scratch_bytes || limits.cpu_millis ||
               limits.deadline_ms || limits.grace_ms);
  EXPECT_FALSE(options->request.grant.capabilities);
  EXPECT_FALSE(options->detach_keys);
  EXPECT_EQ(default_of("--memory"), "256Mi");
  EXPECT_EQ(default_of("--grace"), "5s");
}

TEST(RunOptions, ReadsEveryKindOfValue) {
  ::setenv("RECAP_TEST_OWN", "mine", 1);
  auto options = parse({"--memory",
                        "1Gi",
                        "--cpus=0.5",
                        "--pids",
                        "7",
                        "--timeout",
                        "1m30s",
                        "--grace=0s",
                        "--cap",
                        "NET_RAW,KILL",
                        "--cap",
                        "SYS_PTRACE",
                        "--share",
                        "net",
                        "--share=pid",
                        "--path",
                        "/etc",
                        "--writable",
                        "/var/log/",
                        "--writable",
                        "/etc",
                        "--run-as",
                        "target",
                        "--env",
                        "A=b=c",
                        "--env",
                        "RECAP_TEST_OWN",
                        "--env",
                        "RECAP_TEST_NONE",
                        "-u",
                        "1000:7",
                        "--name",
                        "x.1",
                        "img",
                        "web"});
  ASSERT_TRUE(options) << options.error().message();
  const capsule::RunRequest& request = options->request;
  EXPECT_EQ(request.limits.memory_bytes, 1ULL << 30);
  EXPECT_EQ(request.limits.cpu_millis, 500U);
  EXPECT_EQ(request.limits.pids, 7U);
  EXPECT_EQ(request.limits.deadline_ms, 90000U);
  EXPECT_EQ(request.limits.grace_ms, 0U);
  EXPECT_EQ(request.grant.capabilities, policy::capability(CAP_NET_RAW) |
                                            policy::capability(CAP_KILL) |
                                            policy::capability(CAP_SYS_PTRACE));
  EXPECT_EQ(request.grant.share, run::kShareNet | run::kSharePid);
  ASSERT_EQ(request.grant.paths->size(), 2U);
  EXPECT_EQ((*request.grant.paths)[0].path, "/etc");
  EXPECT_TRUE((*request.grant.paths)[0].writable);
  EXPECT_EQ((*request.grant.paths)[1].path, "/var/log");
  EXPECT_EQ(request.grant.run_as, run::RunAs::kTarget);
  ASSERT_EQ(request.env.size(), 2U);
  EXPECT_EQ(request.env[0].second, "b=c");
  EXPECT_EQ(request.env[1].second, "mine");
  EXPECT_EQ(request.user, "1000:7");
}

TEST(RunOptions, VariablesOfTheTargetAreNamed) {
  auto options = parse({"--env-from-target", "TZ,PORT", "--env-from-target=LANG", "img", "web"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->request.env_from_target, (std::vector<std::string>{"TZ", "PORT", "LANG"}));
  for (const char* bad : {"LD_PRELOAD", "TZ,PATH", "TZ,", "A=b"}) {
    EXPECT_FALSE(parse({"--env-from-target", bad, "img", "web"})) << bad;
  }
}

TEST(RunOptions, AUserIsNamed) {
  for (const char* user : {"", ":", ":1"}) {
    EXPECT_NE(problem({"--user", user, "img", "web"}), "") << user;
  }
  for (const char* user : {"4294967294", "root", "7:8", "app:wheel"}) {
    EXPECT_EQ(problem({"--user", user, "img", "web"}), "") << user;
  }
}

TEST(RunOptions, SaysWhichFlagIsWrong) {
  EXPECT_NE(problem({"--memory", "much", "a", "b"}).find("--memory"), std::string::npos);
  EXPECT_NE(problem({"--privileged", "a", "b"}).find("--privileged"), std::string::npos);
  EXPECT_NE(problem({"--cap", "SYS_ADMIN", "a", "b"}).find("never granted"), std::string::npos);
}

TEST(RunOptions, RefusesWhatDoesNotGoTogether) {
  EXPECT_NE(problem({"-t", "a", "b"}), "");
  EXPECT_EQ(problem({"-it", "a", "b"}), "");
  EXPECT_EQ(problem({"-dt", "a", "b"}), "");
  EXPECT_NE(problem({"-d", "-i", "a", "b"}), "");
  EXPECT_NE(problem({"-d", "--out", "-", "a", "b"}), "");
  EXPECT_NE(problem({"-d", "--report", "r.json", "a", "b"}), "");
  EXPECT_NE(problem({"-it", "--out", "-", "a", "b"}), "");
  EXPECT_NE(problem({}), "");
  EXPECT_NE(problem({"a", "b", "c"}), "");
  EXPECT_NE(problem({"a", std::string(1 << 20, 'x')}), "");
  EXPECT_FALSE(parse({"img", "web"}, "shell"));
}

TEST(RunOptions, NamesAreTame) {
  for (const char* name : {"", "-x", ".x", "a b", "a/b", "\x1b[2J", "ü"}) {
    EXPECT_NE(problem({"--name", name, "a", "b"}), "") << name;
  }
  EXPECT_NE(problem({"--name", std::string(64, 'x'), "a", "b"}), "");
  EXPECT_EQ(problem({"--name", std::string(63, 'x'), "a", "b"}), "");
}

// A value that suits the flag, so that only a flag that nobody reads is an internal error.
TEST(RunOptions, ReadsEveryFlagOfTheManual) {
  for (const auto flags :
       {manual_of("run")->flags, manual_of("shell")->flags, program().common_flags}) {
    for (const Flag& flag : flags) {
      const std::string_view name = flag.names.substr(flag.names.find("--"));
      std::vector<std::string> words{std::string(name)};
      if (!flag.value.empty()) {
        words.emplace_back("\x01");
      }
      words.insert(words.end(), {"a", "b"});
      EXPECT_EQ(problem(words).find("nothing reads"), std::string::npos) << name;
    }
  }
  ::unsetenv("RECAP_STATE_DIR");
  ::unsetenv("RECAP_DATA_DIR");
}

}  // namespace
}  // namespace recap::cli
