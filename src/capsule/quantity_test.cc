// SPDX-License-Identifier: Apache-2.0
#include "capsule/quantity.h"

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

TEST(Size, IsReadWithItsUnit) {
  EXPECT_EQ(*parse_size("4096"), 4096U);
  EXPECT_EQ(*parse_size("64Mi"), 64ULL << 20);
  EXPECT_EQ(*parse_size("1Gi"), 1ULL << 30);
  EXPECT_EQ(*parse_size("500k"), 500000U);
  EXPECT_EQ(*parse_size("0"), 0U);
}

TEST(Size, RefusesEverythingElse) {
  for (const char* text : {"", "Mi", "-1", "+1", " 1", "1 ", "1.5Mi", "1mi", "1MiB", "0x10", "1e3",
                           "99999999999999999999", "9999999999Gi", "18446744073709551615"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Duration, IsASumOfParts) {
  EXPECT_EQ(*parse_duration_ms("500ms"), 500U);
  EXPECT_EQ(*parse_duration_ms("2s"), 2000U);
  EXPECT_EQ(*parse_duration_ms("1m30s"), 90000U);
  EXPECT_EQ(*parse_duration_ms("1h1m1s1ms"), 3661001U);
}

TEST(Duration, NeedsAUnit) {
  for (const char* text : {"", "5", "s", "1d", "1.5s", "-1s", "1s 2m", "1s2", "99999999999999h"}) {
    EXPECT_FALSE(parse_duration_ms(text)) << text;
  }
}

TEST(Cpus, AreThousandths) {
  EXPECT_EQ(*parse_cpu_millis("0.5"), 500U);
  EXPECT_EQ(*parse_cpu_millis("2"), 2000U);
  EXPECT_EQ(*parse_cpu_millis("250m"), 250U);
  EXPECT_EQ(*parse_cpu_millis("1.125"), 1125U);
  for (const char* text :
       {"", "0", "0.001", ".5", "1.", "1.2345", "-1", "1,5", "0x1", "1.5m", "9999999"}) {
    EXPECT_FALSE(parse_cpu_millis(text)) << text;
  }
}

TEST(Count, IsStrict) {
  EXPECT_EQ(*parse_count("0", 10), 0U);
  EXPECT_EQ(*parse_count("4294967294", 4294967294ULL), 4294967294ULL);
  for (const char* text : {"", "+0", "0x0", "-1", "00", "1 ", " 1", "11", "1a", "root"}) {
    EXPECT_FALSE(parse_count(text, 10)) << text;
  }
}

TEST(Quantity, IsWrittenAsItIsRead) {
  EXPECT_EQ(size_text(256ULL << 20), "256Mi");
  EXPECT_EQ(size_text(1000), "1000");
  EXPECT_EQ(size_text(0), "0");
  EXPECT_EQ(duration_text(90000), "1m30s");
  EXPECT_EQ(duration_text(5000), "5s");
  EXPECT_EQ(duration_text(0), "0s");
}

}  // namespace
}  // namespace recap::capsule
