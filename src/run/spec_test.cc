// SPDX-License-Identifier: Apache-2.0
#include "run/spec.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace recap::run {
namespace {

class SpecTest : public testing::Test {
 protected:
  SpecTest() { spec_.argv = argv_; }

  base::Result<Spec> decoded() {
    const auto size = encode(spec_, buffer_);
    EXPECT_TRUE(size);
    return decode(std::span(buffer_).first(size ? *size : 0), words_);
  }

  std::vector<std::byte> buffer_ = std::vector<std::byte>(2 * kMaxSpecBytes);
  std::array<std::string_view, 4> words_;
  std::array<std::string_view, 2> argv_{"echo", "a b"};
  Spec spec_;
};

TEST_F(SpecTest, ComesBackAsItWas) {
  spec_.view = View::kMerged;
  spec_.run_as = RunAs::kRoot;
  spec_.profile = Profile::kFiles;
  spec_.out = OutMode::kFile;
  const auto spec = decoded();
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->view, View::kMerged);
  EXPECT_EQ(spec->run_as, RunAs::kRoot);
  EXPECT_EQ(spec->profile, Profile::kFiles);
  EXPECT_EQ(spec->out, OutMode::kFile);
  EXPECT_EQ(spec->argv[1], "a b");
}

TEST_F(SpecTest, AnUnknownWordMakesItDamagedNotAnotherRun) {
  const Spec whole = spec_;
  const auto is_damaged = [this] {
    const auto spec = decoded();
    return !spec && spec.error().kind() == base::Kind::kCorrupt;
  };
  spec_.view = static_cast<View>(3);
  EXPECT_TRUE(is_damaged());
  spec_ = whole;
  spec_.run_as = static_cast<RunAs>(3);
  EXPECT_TRUE(is_damaged());
  spec_ = whole;
  spec_.profile = static_cast<Profile>(4);
  EXPECT_TRUE(is_damaged());
  spec_ = whole;
  spec_.out = static_cast<OutMode>(255);
  EXPECT_TRUE(is_damaged());
}

TEST_F(SpecTest, WhatAKeeperWouldNotTakeIsNotEncoded) {
  const std::string longest(kMaxSpecBytes, 'x');
  argv_[1] = longest;
  const auto size = encode(spec_, buffer_);
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().kind(), base::Kind::kInvalid);
  argv_[1] = std::string_view(longest).substr(1024);
  EXPECT_TRUE(encode(spec_, buffer_));
}

}  // namespace
}  // namespace recap::run
