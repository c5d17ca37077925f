// SPDX-License-Identifier: Apache-2.0
#include "console/flag_parser.h"

#include <string>

#include <gtest/gtest.h>

namespace recap::console {
namespace {

constexpr Flag kFlags[] = {{"-i,--stdin", "", ""},
                           {"-t,--tty", "", ""},
                           {"-u,--user", "USER", ""},
                           {"--memory", "SIZE", ""}};

struct Line {
  explicit Line(std::vector<std::string> words) : words_(std::move(words)) {
    for (std::string& word : words_) {
      pointers_.push_back(word.data());
    }
  }
  base::Result<ParsedWords> parse() { return parse_words(pointers_, {kFlags}); }
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

std::string flags_of(const ParsedWords& parsed) {
  std::string text;
  for (const GivenFlag& flag : parsed.flags) {
    text.append(flag.name).append("=").append(flag.value).append(" ");
  }
  return text;
}

TEST(FlagParser, TakesEverySpelling) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"-u", "7"}, {"-u7"}, {"--user", "7"}, {"--user=7"}}) {
    Line line(words);
    auto parsed = line.parse();
    ASSERT_TRUE(parsed) << words[0];
    EXPECT_EQ(flags_of(*parsed), "--user=7 ") << words[0];
  }
  Line bundle({"-itu7"});
  EXPECT_EQ(flags_of(*bundle.parse()), "--stdin= --tty= --user=7 ");
}

TEST(FlagParser, MixesFlagsAndWords) {
  Line line({"tcpdump", "--memory", "1Gi", "web", "-i", "-"});
  auto parsed = line.parse();
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->words, (std::vector<std::string_view>{"tcpdump", "web", "-"}));
  EXPECT_EQ(flags_of(*parsed), "--memory=1Gi --stdin= ");
}

TEST(FlagParser, LeavesAloneWhatIsBehindTwoDashes) {
  Line line({"a", "--", "-x", "--", "--user"});
  auto parsed = line.parse();
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->rest, (std::vector<std::string_view>{"-x", "--", "--user"}));
  EXPECT_TRUE(parsed->has_rest);
}

TEST(FlagParser, AValueMayLookLikeAFlagOrBeEmpty) {
  Line line({"--user", "--stdin", "--memory="});
  auto parsed = line.parse();
  ASSERT_TRUE(parsed);
  EXPECT_EQ(flags_of(*parsed), "--user=--stdin --memory= ");
}

TEST(FlagParser, RefusesWhatItDoesNotKnow) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--privileged"},
                                                                 {"-x"},
                                                                 {"-ix"},
                                                                 {"--user"},
                                                                 {"-u"},
                                                                 {"--stdin=1"},
                                                                 {"--std"},
                                                                 {"-,"},
                                                                 {"---user", "1"}}) {
    Line line(words);
    auto parsed = line.parse();
    ASSERT_FALSE(parsed) << words[0];
    EXPECT_EQ(parsed.error().kind(), base::Kind::kInvalid);
  }
}

std::string complaint(std::string word) {
  Line line({std::move(word)});
  const auto parsed = line.parse();
  return parsed ? "" : std::string(parsed.error().message());
}

TEST(FlagParser, SuggestsWhatComesNear) {
  EXPECT_NE(complaint("--memroy=1Gi").find("did you mean --memory?"), std::string::npos);
  EXPECT_NE(complaint("--uesr").find("did you mean --user?"), std::string::npos);
  EXPECT_NE(complaint("--tt").find("did you mean --tty?"), std::string::npos);
  for (const char* other : {"--privileged", "-x", "--", "--m", "--net", "---"}) {
    EXPECT_EQ(complaint(other).find("did you mean"), std::string::npos) << other;
  }
  EXPECT_EQ(complaint("--" + std::string(1 << 20, 'm')).find("did you mean"), std::string::npos);
}

}  // namespace
}  // namespace recap::console
