// SPDX-License-Identifier: Apache-2.0
#include "targets/text.h"

#include <gtest/gtest.h>

namespace recap::targets {
namespace {

TEST(Text, NumbersAreDecimalAndNothingElse) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615U);
  for (const char* bad : {"", "+0", "-1", "0x0", "00", "07", "1 ", " 1", "1e3",
                          "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
  }
}

TEST(Text, ShownCarriesNoEscapeSequenceAndIsCut) {
  EXPECT_EQ(shown("a\x1b]52;c\x07\xc2\x9b"), "'a\\x1b]52;c\\x07\\xc2\\x9b'");
  EXPECT_LT(shown(std::string(1 << 20, 'x')).size(), 100U);
}

TEST(Text, ComponentsCannotLeaveTheirDirectory) {
  for (const char* bad : {"", ".", "..", "a/b", "/"}) {
    EXPECT_FALSE(is_component(bad)) << bad;
  }
  EXPECT_FALSE(is_component(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_component("..."));
}

TEST(Text, EngineNamesAreSafeInAUrl) {
  EXPECT_TRUE(is_engine_name("web-1_a.b"));
  for (const char* bad : {"", "-a", ".", "..", "a b", "a/b", "a?x", "a%2f", "a\n"}) {
    EXPECT_FALSE(is_engine_name(bad)) << bad;
  }
}

TEST(Text, SplitDropsEmptyParts) {
  EXPECT_EQ(split("/a//b/", '/'), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_TRUE(split("", '/').empty());
}

}  // namespace
}  // namespace recap::targets
