// SPDX-License-Identifier: Apache-2.0
#include "run/record.h"

#include <limits.h>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace recap::run {
namespace {

// A Record whose every text is as long as it can be, and what its texts point to.
struct Largest {
  std::string path = "/" + std::string(PATH_MAX - 2, 'p');
  std::string message = std::string(kMaxMessageBytes, 'm');
  std::string detail = std::string(kMaxResidueBytes, 'd');
  Record record;

  Largest() {
    record.path_count = kMaxPaths;
    record.paths.fill({.path = path, .writable = true});
    record.command = message;
  }
  void end() {
    record.message = message;
    record.residue_count = kMaxResidue;
    record.residue.fill({.what = "network", .detail = detail});
  }
};

TEST(Record, ThatIsLargestFitsAndItsOutcomeIsBounded) {
  Largest largest;
  std::vector<std::byte> buffer(kMaxRecordBytes);
  const auto before = encode(largest.record, buffer);
  ASSERT_TRUE(before);
  largest.end();
  const auto after = encode(largest.record, buffer);
  ASSERT_TRUE(after);
  EXPECT_LE(*after, *before + kMaxOutcomeBytes);
}

TEST(Record, AnUnknownWordMakesItDamaged) {
  std::vector<std::byte> buffer(kMaxRecordBytes);
  Record damaged;
  damaged.run_as = static_cast<RunAs>(77);
  auto size = encode(damaged, buffer);
  ASSERT_TRUE(size);
  EXPECT_FALSE(decode_record(std::span(buffer).first(*size)));
  damaged = {};
  damaged.reason = static_cast<Reason>(77);
  size = encode(damaged, buffer);
  ASSERT_TRUE(size);
  EXPECT_FALSE(decode_record(std::span(buffer).first(*size)));
}

TEST(Record, ComesBackAsItWas) {
  Largest largest;
  largest.end();
  largest.record.reason = Reason::kDeadline;
  largest.record.exit_code = 124;
  std::vector<std::byte> buffer(kMaxRecordBytes);
  const auto size = encode(largest.record, buffer);
  ASSERT_TRUE(size);
  const auto decoded = decode_record(std::span(buffer).first(*size));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reason, Reason::kDeadline);
  EXPECT_EQ(decoded->exit_code, 124);
  EXPECT_EQ(decoded->paths[kMaxPaths - 1].path, largest.path);
  EXPECT_EQ(decoded->residue[kMaxResidue - 1].detail, largest.detail);
  EXPECT_FALSE(decode_record(std::span(buffer).first(*size - 1)));
}

}  // namespace
}  // namespace recap::run
