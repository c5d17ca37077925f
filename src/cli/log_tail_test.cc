// SPDX-License-Identifier: Apache-2.0
// A log as a keeper writes it, with its rotations (engine/log.h).
#include "cli/log_tail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "linux/fs.h"

namespace recap::cli {
namespace {

namespace fs = std::filesystem;

class Tail : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "recap-tail-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    auto dir = linux::open_dir_at(linux::kCwd, name.c_str());
    ASSERT_TRUE(dir);
    dir_ = std::move(*dir);
    auto pipe = linux::make_pipe();
    ASSERT_TRUE(pipe);
    pipe_ = std::move(*pipe);
    ASSERT_TRUE(linux::set_nonblocking(pipe_.read.get(), true));
  }
  void TearDown() override { fs::remove_all(root_); }

  void append(std::string_view text) const {
    std::ofstream(root_ / "r.stdout", std::ios::app | std::ios::binary) << text;
  }
  void rotate() const { fs::rename(root_ / "r.stdout", root_ / "r.stdout.1"); }

  std::string pump(LogTail& tail, bool escaped = false) const {
    Output out(pipe_.write.get());
    EXPECT_TRUE(tail.pump(out, escaped));
    EXPECT_TRUE(out.flush());
    char buffer[4096];
    const ssize_t size = ::read(pipe_.read.get(), buffer, sizeof buffer);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : "";
  }

  fs::path root_;
  linux::DirFd dir_;
  linux::Pipe pipe_;
};

TEST_F(Tail, ReadsOn) {
  LogTail tail(dir_.get(), "r.stdout");
  EXPECT_EQ(pump(tail), "");  // not there yet
  append("one\n");
  EXPECT_EQ(pump(tail), "one\n");
  EXPECT_EQ(pump(tail), "");
  append("two");
  EXPECT_EQ(pump(tail), "two");
}

TEST_F(Tail, BeginsWithTheOlderHalf) {
  append("old ");
  rotate();
  append("new");
  LogTail tail(dir_.get(), "r.stdout");
  EXPECT_EQ(pump(tail), "old new");
}

TEST_F(Tail, ReadsThroughARotation) {
  LogTail tail(dir_.get(), "r.stdout");
  append("1");
  EXPECT_EQ(pump(tail), "1");
  append("2");
  rotate();
  append("3");
  EXPECT_EQ(pump(tail), "23");
}

TEST_F(Tail, ReadsThroughTwoRotations) {
  LogTail tail(dir_.get(), "r.stdout");
  append("1");
  EXPECT_EQ(pump(tail), "1");
  append("2");
  rotate();
  append("3");
  rotate();
  append("4");
  EXPECT_EQ(pump(tail), "234");
}

TEST_F(Tail, ReadsTheRestOfARemovedLog) {
  LogTail tail(dir_.get(), "r.stdout");
  append("1");
  EXPECT_EQ(pump(tail), "1");
  append("2");
  fs::remove(root_ / "r.stdout");
  EXPECT_EQ(pump(tail), "2");
}

TEST_F(Tail, EscapesForTerminals) {
  LogTail tail(dir_.get(), "r.stdout");
  append("a\x1b]52;c;x\x07\n");
  EXPECT_EQ(pump(tail, true), "a\\x1b]52;c;x\\x07\n");
}

}  // namespace
}  // namespace recap::cli
