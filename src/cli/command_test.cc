// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <gtest/gtest.h>

#include "cli/verbs.h"

namespace recap::cli {
namespace {

struct Stop {
  std::vector<std::string> runs;
  bool all = false;
  std::string grace, signal;

  std::optional<int> parse(std::vector<std::string> words) {
    Command command("stop");
    command.bind("--all", all).bind("--grace", grace).bind("--signal", signal).operands(runs);
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    return command.parse(argv);
  }
};

TEST(Command, BindsFlagsAndOperands) {
  Stop stop;
  EXPECT_EQ(stop.parse({"a", "-t", "5s", "b", "--signal=INT", "-a", "--", "-c"}), std::nullopt);
  EXPECT_EQ(stop.runs, (std::vector<std::string>{"a", "b", "-c"}));
  EXPECT_EQ(stop.grace, "5s");
  EXPECT_EQ(stop.signal, "INT");
  EXPECT_TRUE(stop.all);
}

TEST(Command, LastValueCounts) {
  Stop stop;
  EXPECT_EQ(stop.parse({"-t", "5s", "--grace", "7s"}), std::nullopt);
  EXPECT_EQ(stop.grace, "7s");
}

TEST(Command, RefusesBadArguments) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--nope"}, {"-z"}, {"-t"}, {"--grace="}, {"--all=1"}}) {
    Stop stop;
    EXPECT_EQ(stop.parse(words), kExitOurs) << words[0];
  }
}

TEST(Command, HelpWinsOverMistakes) {
  Stop stop;
  EXPECT_EQ(stop.parse({"--grace", "", "--help"}), 0);
}

TEST(Command, WantsItsOperands) {
  std::string from;
  std::string to;
  std::string a = "x";
  std::string b = "y";
  std::string c = "z";
  const auto parse = [&](std::vector<char*> argv) {
    Command command("cp");
    return command.operand(from).operand(to).parse(argv);
  };
  EXPECT_EQ(parse({a.data()}), kExitOurs);
  EXPECT_EQ(parse({a.data(), b.data(), c.data()}), kExitOurs);
  EXPECT_EQ(parse({a.data(), b.data()}), std::nullopt);
  EXPECT_EQ(from + to, "xy");
}

}  // namespace
}  // namespace recap::cli
