// SPDX-License-Identifier: Apache-2.0
// The manual against the verbs: nobody is told of a flag that does not exist, and none is hidden.
#include "cli/manual.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/verbs.h"
#include "console/escape.h"

namespace recap::cli {
namespace {

int call(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  return dispatch(argv);
}

TEST(Manual, FitsOnAScreen) {
  for (const Manual& manual : program().verbs) {
    std::string text = help_of(program(), manual);
    while (!text.empty()) {
      const std::string line = text.substr(0, text.find('\n'));
      EXPECT_LE(columns_of(line), 120U) << line;
      text.erase(0, line.size() + 1);
    }
  }
}

TEST(Manual, HasUniqueVerbsAndFlags) {
  std::set<std::string_view> verbs;
  for (const Manual& manual : program().verbs) {
    EXPECT_TRUE(verbs.insert(manual.verb).second) << manual.verb;
    std::set<std::string> names;
    for (const auto flags : {manual.flags, program().common_flags}) {
      for (const Flag& flag : flags) {
        const std::string all(flag.names);
        const std::size_t comma = all.find(',');
        EXPECT_TRUE(names.insert(all.substr(0, comma)).second) << manual.verb << " " << all;
        if (comma != std::string::npos) {
          EXPECT_TRUE(names.insert(all.substr(comma + 1)).second) << manual.verb << " " << all;
        }
      }
    }
  }
}

TEST(Manual, ShowsExamplesAndFlags) {
  for (const Manual& manual : program().verbs) {
    const std::string text = help_of(program(), manual);
    EXPECT_NE(text.find("Examples:\n  recap "), std::string::npos) << manual.verb;
    EXPECT_NE(text.find("--help"), std::string::npos) << manual.verb;
    EXPECT_NE(overview_of(program()).find("\n  " + std::string(manual.verb) + " "),
              std::string::npos);
  }
}

// The columns where the explanations of examples begin.
std::set<std::size_t> columns_of_explanations(std::string_view lines) {
  std::set<std::size_t> columns;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    const std::size_t gap = line.find("  ", 2);
    if (line.starts_with("  recap ") && gap != std::string_view::npos) {
      columns.insert(line.find_first_not_of(' ', gap));
    }
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
  }
  return columns;
}

TEST(Manual, ExplainsExamplesInOneColumn) {
  for (const Manual& manual : program().verbs) {
    EXPECT_LE(columns_of_explanations(manual.examples).size(), 1U) << manual.verb;
  }
  EXPECT_EQ(columns_of_explanations(overview_of(program())).size(), 1U);
}

TEST(Dispatch, AnswersHelpForEachVerb) {
  for (const Manual& manual : program().verbs) {
    EXPECT_EQ(call({"recap", std::string(manual.verb), "--help"}), 0) << manual.verb;
  }
  EXPECT_EQ(call({"recap"}), 0);
  EXPECT_EQ(call({"recap", "--help"}), 0);
  EXPECT_EQ(call({"recap", "--version"}), 0);
}

// Each flag of the manual is bound by its verb: with --help behind it, nothing else can go wrong,
// so that a flag that nobody reads shows as 125 of the line without it. Verbs that other programs
// or parsers serve have their own tests.
TEST(Dispatch, RefusesWhatIsUnknown) {
  EXPECT_EQ(call({"recap", "nope"}), kExitOurs);
  EXPECT_EQ(call({"recap", "--nope"}), kExitOurs);
  EXPECT_EQ(call({"recap", "version", "--nope"}), kExitOurs);
  EXPECT_EQ(call({"recap", "version", "word"}), kExitOurs);
  EXPECT_EQ(call({"recap", "version", "-o", "xml"}), kExitOurs);
  EXPECT_EQ(call({"recap", "version", "-o"}), kExitOurs);
  EXPECT_EQ(call({"recap", "completion"}), kExitOurs);
  EXPECT_EQ(call({"recap", "completion", "tcsh"}), kExitOurs);
  EXPECT_EQ(call({"recap", "help", std::string(1 << 20, 'x')}), kExitOurs);
}

}  // namespace
}  // namespace recap::cli
