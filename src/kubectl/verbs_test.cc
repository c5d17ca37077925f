// SPDX-License-Identifier: Apache-2.0
// The manual against the verbs, and what needs no cluster.
#include "kubectl/verbs.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "console/escape.h"
#include "kubectl/manual.h"

namespace recap::kubectl {
namespace {

int call(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  return dispatch(argv);
}

std::string output_of(std::vector<std::string> words) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(call(std::move(words)), 0);
  return testing::internal::GetCapturedStdout();
}

TEST(Manual, HasAFunctionForEachVerb) {
  for (const console::Manual& manual : program().verbs) {
    const std::string text = output_of({"kubectl-recap", std::string(manual.verb), "--help"});
    EXPECT_TRUE(text.starts_with("kubectl recap " + std::string(manual.verb))) << text;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      EXPECT_LE(console::columns_of(text.substr(at, text.find('\n', at) - at)), 120U);
    }
  }
}

TEST(Dispatch, TakesFlagsBeforeTheVerb) {
  EXPECT_EQ(output_of({"kubectl-recap", "-n", "shop", "functions", "packets"}),
            output_of({"kubectl-recap", "functions", "-n", "shop", "packets"}));
  EXPECT_EQ(output_of({"kubectl-recap", "--context=x", "-nshop", "functions"}),
            output_of({"kubectl-recap", "functions"}));
  EXPECT_EQ(call({"kubectl-recap", "-n"}), 0);  // nothing behind it: the overview
  EXPECT_EQ(call({"kubectl-recap", "nope"}), kExitOurs);
  EXPECT_EQ(call({"kubectl-recap", "--nope", "ps"}), kExitOurs);
}

TEST(Functions, AreTheCatalogues) {
  EXPECT_NE(output_of({"kubectl-recap", "functions"}).find("tcpdump"), std::string::npos);
  EXPECT_EQ(output_of({"kubectl-recap", "functions", "-o", "json", "no such thing"}), "[]\n");
}

TEST(Complete, SpeaksCobrasLanguage) {
  const std::string verbs = output_of({"kubectl-recap", "__complete", "st"});
  EXPECT_TRUE(verbs.starts_with("stop\t")) << verbs;
  EXPECT_TRUE(verbs.ends_with("\n:4\n")) << verbs;
  EXPECT_NE(output_of({"kubectl-recap", "__complete", "run", "tc"}).find("tcpdump\t"),
            std::string::npos);
  EXPECT_NE(output_of({"kubectl-recap", "__complete", "run", "--par"}).find("--parallelism\t"),
            std::string::npos);
  EXPECT_EQ(output_of({"kubectl-recap", "__complete", "run", "--kubeconfig", ""}), ":0\n");
}

}  // namespace
}  // namespace recap::kubectl
