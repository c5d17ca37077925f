// SPDX-License-Identifier: Apache-2.0
#include "console/escape.h"

#include <gtest/gtest.h>

namespace recap::console {
namespace {

TEST(Printable, KeepsTextAsItIs) {
  EXPECT_EQ(printable("web-1"), "web-1");
  EXPECT_EQ(printable("Zürich 東京 𝄞"), "Zürich 東京 𝄞");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesTerminalSequences) {
  EXPECT_EQ(printable("\x1b]52;c;aGk=\x07"), "\\x1b]52;c;aGk=\\x07");
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("a\r\n\tb"), "a\\x0d\\x0a\\x09b");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, EscapesC1InBothForms) {
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // U+009B, CSI
  EXPECT_EQ(printable("\x9b"
                      "2J"),
            "\\x9b2J");  // the bare byte, as 8-bit terminals read it
}

TEST(Printable, EscapesWhatChangesDirectionOrIsInvisible) {
  EXPECT_EQ(printable("\u202e"), "\\xe2\\x80\\xae");
  EXPECT_EQ(printable("\u200b"), "\\xe2\\x80\\x8b");
  EXPECT_EQ(printable("\u2028"), "\\xe2\\x80\\xa8");
  EXPECT_EQ(printable("\ufeff"), "\\xef\\xbb\\xbf");
  EXPECT_EQ(printable("\U000e0041"), "\\xf3\\xa0\\x81\\x81");
}

TEST(Printable, EscapesInvalidUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");           // cut off
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");  // overlong
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(printable("\xc3\x1b"), "\\xc3\\x1b");  // the escape must not hide behind the lead
}

TEST(Printable, CutsAtColumns) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcde…");
  EXPECT_EQ(printable("東京都", 6), "東京都");
  EXPECT_EQ(printable("東京都庁", 6), "東京…");
  EXPECT_EQ(columns_of(printable(std::string(1 << 20, 'x'), 60)), 60U);
  EXPECT_LE(columns_of(printable(std::string(1000, '\x1b'), 60)), 60U);
}

// Every byte value, alone and in front of text: nothing below 0x20 and nothing invalid comes out.
TEST(Printable, LetsNoControlByteThrough) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char bytes[] = {static_cast<char>(first), static_cast<char>(second), 'x'};
      for (const char c : printable({bytes, 3})) {
        ASSERT_GE(static_cast<unsigned char>(c), 0x20) << first << " " << second;
        ASSERT_NE(c, '\x7f');
      }
      const std::string out = printable({bytes, 3});
      EXPECT_EQ(printable(out), out);
    }
  }
}

TEST(PrintableLines, KeepsLinesAndTabs) {
  EXPECT_EQ(printable_lines("a\tb\nc\x1b[1m\n"), "a\tb\nc\\x1b[1m\n");
  EXPECT_EQ(printable_lines("\n\n"), "\n\n");
}

TEST(ColumnsOf, CountsWideAndCombining) {
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("東"), 2U);
  EXPECT_EQ(columns_of("e\u0301"), 1U);
}

}  // namespace
}  // namespace recap::console
