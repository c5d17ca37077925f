// SPDX-License-Identifier: Apache-2.0
#include "capsule/target_env.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "linux/process.h"

namespace recap::capsule {
namespace {

using Words = std::vector<std::string>;

TEST(TargetEnvironment, HasWhatIsNamedAndNothingElse) {
  using namespace std::string_view_literals;
  constexpr std::string_view kText = "A=1\0B=x=y\0AB=2\0word\0C=\0"sv;
  EXPECT_EQ(chosen_variables(kText, Words({"A", "B", "D"})), Words({"A=1", "B=x=y"}));
  EXPECT_EQ(chosen_variables(kText, Words({"C"})), Words({"C="}));
  EXPECT_EQ(chosen_variables(kText, Words({"word"})), Words());
}

TEST(TargetEnvironment, WhatMayDecideWhatRunsIsRefusedThoughItIsNamed) {
  for (const char* name : {"LD_PRELOAD",
                           "PATH",
                           "PROMPT_COMMAND",
                           "PS1",
                           "PS4",
                           "PERL5OPT",
                           "NODE_OPTIONS",
                           "BASH_ENV",
                           "BASH_FUNC_ls",
                           "ENV",
                           "OPENSSL_CONF",
                           "PYTHONHOME",
                           "PYTHONSTARTUP",
                           "LESSOPEN",
                           "GCONV_PATH",
                           "GLIBC_TUNABLES",
                           "GIT_SSH_COMMAND",
                           "EDITOR",
                           "VISUAL",
                           "MANPAGER",
                           "HOME",
                           "XDG_DATA_DIRS",
                           "INPUTRC",
                           "VIMINIT",
                           "RUBYOPT",
                           "JAVA_TOOL_OPTIONS"}) {
    const auto checked = check_target_variable(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().kind(), base::Kind::kDenied) << name;
    EXPECT_FALSE(target_environment(static_cast<std::uint32_t>(::getpid()), Words({name}))) << name;
  }
}

TEST(TargetEnvironment, OrdinaryNamesAreTaken) {
  for (const char* name : {"DATABASE_URL", "POD_NAME", "TZ", "LANG", "http_proxy", "PORT",
                           "SSL_CERT_FILE", "spring.profiles.active"}) {
    EXPECT_TRUE(check_target_variable(name)) << name;
  }
  for (const char* name : {"", "A=b", "A B", "A\nB"}) {
    const auto checked = check_target_variable(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().kind(), base::Kind::kInvalid) << name;
  }
}

// A FIFO that nobody writes stands for a page of the target's that its FUSE server keeps back.
TEST(TargetEnvironment, ThatDoesNotAnswerIsNotWaitedForForEver) {
  const std::string silent = testing::TempDir() + "/silent";
  ASSERT_EQ(::mkfifo(silent.c_str(), 0600), 0);
  const std::uint64_t start = linux::monotonic_ns();
  std::array<std::byte, 64> buffer;
  const auto size = read_file_within(silent.c_str(), buffer, 100);
  ::unlink(silent.c_str());
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().kind(), base::Kind::kTimeout);
  EXPECT_LT(linux::monotonic_ns() - start, 10'000'000'000U);
  ::waitpid(-1, nullptr, 0);  // the reader was killed
}

TEST(TargetEnvironment, OfAProcessThatIsGoneIsEmpty) {
  const auto found = target_environment(4194304, Words({"TZ"}));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->empty());
}

}  // namespace
}  // namespace recap::capsule
