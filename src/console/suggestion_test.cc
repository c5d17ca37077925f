// SPDX-License-Identifier: Apache-2.0
#include "console/suggestion.h"

#include <gtest/gtest.h>

namespace recap::console {
namespace {

TEST(Suggestion, IsTheNearestOfThoseThatComeNear) {
  Suggestion suggestion("shel");
  for (const char* known : {"run", "shell", "help"}) {
    suggestion.consider(known);
  }
  EXPECT_EQ(suggestion.text(), "; did you mean shell?");
  Suggestion none("frobnicate");
  none.consider("functions");
  EXPECT_EQ(none.text(), "");
}

}  // namespace
}  // namespace recap::console
