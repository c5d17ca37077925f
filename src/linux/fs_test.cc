// SPDX-License-Identifier: Apache-2.0
#include "linux/fs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <array>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace recap::linux {
namespace {

class Fs : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/recap-fs-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(Fs, AShortWriteIsAnError) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(open_at(kCwd, path.c_str(), O_WRONLY | O_CREAT, 0600));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit three_bytes{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &three_bytes), 0);
  const Status written = write_file_at(kCwd, path.c_str(), "12345");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(written);
  EXPECT_TRUE(write_file_at(kCwd, path.c_str(), "12345"));
}

TEST_F(Fs, ALinkThatFillsTheBufferIsCutAndAnError) {
  const std::string path = folder_ + "/link";
  ASSERT_TRUE(symlink_at("12345678", kCwd, path.c_str()));
  std::array<char, 8> buffer{};
  EXPECT_FALSE(read_link_at(kCwd, path.c_str(), buffer));
  std::array<char, 9> larger{};
  const auto link = read_link_at(kCwd, path.c_str(), larger);
  ASSERT_TRUE(link);
  EXPECT_EQ(*link, "12345678");
}

}  // namespace
}  // namespace recap::linux
