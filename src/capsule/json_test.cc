// SPDX-License-Identifier: Apache-2.0
#include "capsule/json.h"

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

TEST(JsonString, EscapesWhatCouldMoveACursor) {
  EXPECT_EQ(json_quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json_quoted("\x1b]52;c\x07"), R"("\u001b]52;c\u0007")");
  EXPECT_EQ(json_quoted("\n\t\x7f"), R"("\u000a\u0009\u007f")");
  EXPECT_EQ(json_quoted("\xc2\x9b"
                        "2J"),
            R"("\u009b2J")");  // C1 CSI
  EXPECT_EQ(json_quoted("a\xe2\x80\xae"
                        "b"),
            R"("a\u202eb")");  // right-to-left override
  EXPECT_EQ(json_quoted(std::string_view("\0x", 2)), R"("\u0000x")");
}

TEST(JsonString, KeepsValidUtf8) {
  EXPECT_EQ(json_quoted("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(json_quoted("\xf0\x9f\x90\x9f"), "\"\xf0\x9f\x90\x9f\"");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(json_quoted("\xff"), "\"" + r + "\"");
  EXPECT_EQ(json_quoted("\xc3"), "\"" + r + "\"");                          // cut
  EXPECT_EQ(json_quoted("\xc0\xaf"), "\"" + r + r + "\"");                  // not the shortest form
  EXPECT_EQ(json_quoted("\xed\xa0\x80"), "\"" + r + r + r + "\"");          // surrogate
  EXPECT_EQ(json_quoted("\xf4\x90\x80\x80"), "\"" + r + r + r + r + "\"");  // above U+10FFFF
}

TEST(JsonWriter, NestsAndSeparates) {
  JsonWriter json;
  json.begin_object().key("a").number(-1).key("b").begin_array();
  json.text("x").boolean(true).null().end_array();
  json.key("c").begin_object().end_object().key("d").begin_array().end_array().end_object();
  EXPECT_EQ(json.take(),
            "{\n  \"a\": -1,\n  \"b\": [\n    \"x\",\n    true,\n    null\n  ],\n"
            "  \"c\": {},\n  \"d\": []\n}\n");
}

TEST(JsonWriter, WritesMicrosecondsAsMilliseconds) {
  JsonWriter json;
  json.begin_array().milliseconds(1234).milliseconds(7).milliseconds(0).end_array();
  EXPECT_EQ(json.take(), "[\n  1.234,\n  0.007,\n  0.000\n]\n");
}

}  // namespace
}  // namespace recap::capsule
