// SPDX-License-Identifier: Apache-2.0
#include "image/fetch_watch.h"

#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "image/test_support.h"
#include "linux/fs.h"

namespace recap::image {
namespace {

using std::chrono::seconds;

class Watch : public ::testing::Test {
 protected:
  void arrives(const std::string& name, std::size_t size) {
    std::filesystem::create_directories(dir_ / "layout/blobs/sha256");
    testing::write_file(dir_ / ("layout/blobs/sha256/" + name), std::string(size, 'x'));
  }

  testing::TempDir dir_;
  linux::DirFd folder_ = *linux::open_dir_at(linux::kCwd, dir_.path().c_str());
};

TEST_F(Watch, WhatIsThereAlreadyDoesNotCount) {
  arrives("old", 5000);
  FetchWatch watch(folder_, {.max_bytes = 1000, .patience = seconds(60)});
  arrives("new", 1000);
  EXPECT_TRUE(watch.look());
  arrives("more", 1);
  const auto seen = watch.look();
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().kind(), base::Kind::kInvalid);
}

TEST_F(Watch, PatienceIsForWhatDoesNotMove) {
  FetchWatch watch(folder_, {.max_bytes = 1000, .patience = seconds(1)});
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    arrives("new", static_cast<std::size_t>(10 + i));
    EXPECT_TRUE(watch.look());
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  const auto seen = watch.look();
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().kind(), base::Kind::kTimeout);
}

}  // namespace
}  // namespace recap::image
