// SPDX-License-Identifier: Apache-2.0
#include "capsule/artifacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

class Artifacts : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/recap-artifacts-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    dir_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir_), {}));
  }
  std::string dir_;
};

TEST_F(Artifacts, AFileAppearsWhenItIsComplete) {
  const std::string path = dir_ + "/capture";
  {
    auto file = NewFile::create(path);
    ASSERT_TRUE(file);
    ASSERT_EQ(::write(file->fd(), "x", 1), 1);
    EXPECT_FALSE(std::filesystem::exists(path));
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(std::filesystem::file_size(path), 1U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Artifacts, NothingStaysOfAFileThatIsNotKept) {
  {
    ASSERT_TRUE(NewFile::create(dir_ + "/capture"));
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Artifacts, AFifoThatNobodyReadsIsNotWaitedFor) {
  const std::string path = dir_ + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto refused = NewFile::create(path);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("start its reader first"), std::string_view::npos);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  auto file = NewFile::create(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(::fcntl(file->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_TRUE(file->commit());
  ::close(reader);
}

TEST_F(Artifacts, AnOldFileIsReplacedOnlyAtTheEnd) {
  const std::string path = dir_ + "/capture";
  std::ofstream(path) << "old";
  auto file = NewFile::create(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(std::filesystem::file_size(path), 3U);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(std::filesystem::file_size(path), 0U);
}

TEST_F(Artifacts, UntilThenItHasNoName) {
  auto file = NewFile::create(dir_ + "/capture");
  ASSERT_TRUE(file);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Artifacts, WhatIsNoFileIsWrittenAsItIs) {
  auto file = NewFile::create("/dev/null");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->commit());
  EXPECT_FALSE(NewFile::create(dir_));
  EXPECT_FALSE(NewFile::create(dir_ + "/none/x"));
}

TEST_F(Artifacts, APlaceIsADirectoryOrAFile) {
  EXPECT_EQ(open_out("")->mode, run::OutMode::kNone);
  auto dir = open_out(dir_);
  ASSERT_TRUE(dir);
  EXPECT_EQ(dir->mode, run::OutMode::kDirectory);
  EXPECT_TRUE(dir->descriptor.valid());
  auto fresh = open_out(dir_ + "/new/");
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->mode, run::OutMode::kDirectory);
  EXPECT_TRUE(std::filesystem::is_directory(dir_ + "/new"));
  auto file = open_out(dir_ + "/capture");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->mode, run::OutMode::kFile);
  EXPECT_FALSE(file->descriptor.valid());
}

}  // namespace
}  // namespace recap::capsule
