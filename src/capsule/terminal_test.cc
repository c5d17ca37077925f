// SPDX-License-Identifier: Apache-2.0
#include "capsule/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>

#include <gtest/gtest.h>

#include "linux/unique_fd.h"

namespace recap::capsule {
namespace {

TEST(DetachKeys, AreReadFromText) {
  EXPECT_EQ(*parse_detach_keys("ctrl-p,ctrl-q"), "\x10\x11");
  EXPECT_EQ(*parse_detach_keys("ctrl-@"), std::string(1, '\0'));
  EXPECT_EQ(*parse_detach_keys("ctrl-],d"),
            "\x1d"
            "d");
  EXPECT_EQ(*parse_detach_keys("none"), "");
  EXPECT_EQ(*parse_detach_keys(","), ",");
  for (const char* bad : {"ctrl-", "ctrl-1", "ab", "ctrl-p,", "CTRL-P"}) {
    EXPECT_FALSE(parse_detach_keys(bad)) << bad;
  }
}

std::string typed(DetachKeys& keys, std::string text, bool expect_goes_on = true) {
  EXPECT_EQ(keys.filter(text), expect_goes_on) << text;
  return text;
}

TEST(DetachKeys, AreFoundAcrossReads) {
  DetachKeys keys("\x10\x11");
  EXPECT_EQ(typed(keys, "ab\x10"), "ab");
  EXPECT_EQ(typed(keys, "\x11", false), "");
}

TEST(DetachKeys, AHalfSequenceGoesOnToTheFunction) {
  DetachKeys keys("\x10\x11");
  EXPECT_EQ(typed(keys, "\x10"), "");
  EXPECT_EQ(typed(keys, "x"), "\x10x");
  EXPECT_EQ(typed(keys, "\x10\x10"), "\x10");
  EXPECT_EQ(typed(keys, "\x11", false), "");
}

TEST(DetachKeys, OneKeyIsEnough) {
  DetachKeys keys("\x1d");
  EXPECT_EQ(typed(keys, "abc"), "abc");
  EXPECT_EQ(typed(keys,
                  "d\x1d"
                  "e",
                  false),
            "d");
}

TEST(DetachKeys, NoneNeverDetach) {
  DetachKeys keys("");
  EXPECT_EQ(typed(keys, "\x10\x11"), "\x10\x11");
}

class Pty : public testing::Test {
 protected:
  void SetUp() override {
    master_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master_.valid());
    ASSERT_EQ(::unlockpt(master_.get()), 0);
    slave_.reset(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(slave_.valid());
  }
  linux::UniqueFd master_, slave_;
};

TEST_F(Pty, IsRawOnlyAsLongAsTheObjectLives) {
  termios before{};
  termios during{};
  termios after{};
  ASSERT_EQ(::tcgetattr(slave_.get(), &before), 0);
  ASSERT_NE(before.c_lflag & (ICANON | ECHO | ISIG), 0U);
  {
    auto raw = RawTerminal::enter(slave_.get());
    ASSERT_TRUE(raw);
    ASSERT_EQ(::tcgetattr(slave_.get(), &during), 0);
    EXPECT_EQ(during.c_lflag & (ICANON | ECHO | ISIG), 0U);
  }
  ASSERT_EQ(::tcgetattr(slave_.get(), &after), 0);
  EXPECT_EQ(std::memcmp(&before, &after, sizeof before), 0);
}

TEST_F(Pty, TakesTheSizeOfAnother) {
  const winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::ioctl(slave_.get(), TIOCSWINSZ, &size), 0);
  linux::UniqueFd other(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  copy_window_size(slave_.get(), other.get());
  winsize got{};
  ASSERT_EQ(::ioctl(other.get(), TIOCGWINSZ, &got), 0);
  EXPECT_EQ(got.ws_row, 33);
  EXPECT_EQ(got.ws_col, 77);
}

TEST(RawTerminal, NeedsATerminal) {
  const linux::UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(RawTerminal::enter(file.get()));
}

}  // namespace
}  // namespace recap::capsule
