// SPDX-License-Identifier: Apache-2.0
#include "console/table.h"

#include <gtest/gtest.h>

namespace recap::console {
namespace {

TEST(Table, AlignsColumns) {
  Table table({"RUN", "NAME", "AGE"});
  table.row({"a1", "capture", "7s"});
  table.row({"b2c3d4", "x", "12d"});
  EXPECT_EQ(table.text(),
            "RUN      NAME      AGE\n"
            "a1       capture   7s\n"
            "b2c3d4   x         12d\n");
}

TEST(Table, HasNoBlanksAtLineEnds) {
  Table table({"A", "B"});
  table.row({"longer", ""});
  table.row({"x"});  // a missing cell is empty
  EXPECT_EQ(table.text(), "A        B\nlonger\nx\n");
}

TEST(Table, CountsColumnsNotBytes) {
  Table table({"N", "M"});
  table.row({"東京", "x"});
  table.row({"abcd", "y"});
  EXPECT_EQ(table.text(), "N      M\n東京   x\nabcd   y\n");
}

TEST(Table, EscapesCellsAndCutsLongOnes) {
  Table table({"N", "M"});
  table.row({"a\nb\x1b[2J", std::string(1 << 20, 'x')});
  EXPECT_EQ(table.text().find('\x1b'), std::string::npos);
  EXPECT_NE(table.text().find("a\\x0ab\\x1b[2J"), std::string::npos);
  EXPECT_LT(table.text().size(), 400U);
}

}  // namespace
}  // namespace recap::console
