// SPDX-License-Identifier: Apache-2.0
#include "console/units.h"

#include <gtest/gtest.h>

namespace recap::console {
namespace {

TEST(ParseSignal, TakesNamesAndNumbers) {
  EXPECT_EQ(*parse_signal("TERM"), 15);
  EXPECT_EQ(*parse_signal("SIGINT"), 2);
  EXPECT_EQ(*parse_signal("9"), 9);
  for (const std::string_view bad : {"", "0", "65", "-1", "9x", "term", "SIG", " 9", "0x9"}) {
    EXPECT_FALSE(parse_signal(bad)) << bad;
  }
}

TEST(AgeText, CutsDown) {
  EXPECT_EQ(age_text(-3), "0s");
  EXPECT_EQ(age_text(119), "119s");
  EXPECT_EQ(age_text(120), "2m");
  EXPECT_EQ(age_text(7200), "2h");
  EXPECT_EQ(age_text(172800), "2d");
}

}  // namespace
}  // namespace recap::console
