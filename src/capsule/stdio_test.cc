// SPDX-License-Identifier: Apache-2.0
// connect_stdio() looks at this program's own descriptors, so the tests exchange them for a while.
#include "capsule/stdio.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include <gtest/gtest.h>

#include "linux/fs.h"

namespace recap::capsule {
namespace {

class StandardDescriptors {
 public:
  StandardDescriptors(int in, int out, int err) {
    const int wanted[] = {in, out, err};
    for (int number = 0; number < 3; ++number) {
      saved_[number].reset(::fcntl(number, F_DUPFD_CLOEXEC, 10));
      ::dup2(wanted[number], number);
    }
  }
  ~StandardDescriptors() {
    for (int number = 0; number < 3; ++number) {
      ::dup2(saved_[number].get(), number);
    }
  }

 private:
  linux::UniqueFd saved_[3];
};

Stdio connect(int in, int out, int err, const StdioWish& wish) {
  const StandardDescriptors exchanged(in, out, err);
  auto stdio = connect_stdio(wish);
  return stdio ? *std::move(stdio) : Stdio{};
}

struct stat look(int fd) {
  struct stat info{};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info;
}

bool same(int a, int b) {
  return look(a).st_ino == look(b).st_ino && look(a).st_dev == look(b).st_dev;
}

class StdioTest : public testing::Test {
 protected:
  void SetUp() override {
    a_ = *linux::make_pipe();
    b_ = *linux::make_pipe();
    c_ = *linux::make_pipe();
    char path[] = "/tmp/recap-stdio-XXXXXX";
    file_.reset(::mkstemp(path));
    ::unlink(path);
    null_ = *linux::open_at(linux::kCwd, "/dev/null", O_RDWR);
  }
  linux::Pipe a_, b_, c_;
  linux::UniqueFd file_, null_;
};

TEST_F(StdioTest, PipesAreGivenAsTheyAre) {
  Stdio stdio = connect(a_.read.get(), b_.write.get(), c_.write.get(), {.interactive = true});
  EXPECT_TRUE(same(stdio.in.get(), a_.read.get()));
  EXPECT_TRUE(same(stdio.out.get(), b_.write.get()));
  EXPECT_TRUE(same(stdio.err.get(), c_.write.get()));
  EXPECT_TRUE(stdio.relays.empty());
}

TEST_F(StdioTest, SocketsAreGivenAsTheyAre) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const linux::UniqueFd one(ends[0]);
  const linux::UniqueFd two(ends[1]);
  Stdio stdio = connect(one.get(), one.get(), c_.write.get(), {.interactive = true});
  EXPECT_TRUE(same(stdio.in.get(), one.get()));
  EXPECT_TRUE(same(stdio.out.get(), one.get()));
}

TEST_F(StdioTest, WithoutInteractiveStdinIsNull) {
  Stdio stdio = connect(a_.read.get(), b_.write.get(), c_.write.get(), {});
  EXPECT_TRUE(same(stdio.in.get(), null_.get()));
}

TEST_F(StdioTest, AFileIsNeverGivenAway) {
  Stdio stdio = connect(file_.get(), file_.get(), c_.write.get(), {.interactive = true});
  EXPECT_TRUE(S_ISFIFO(look(stdio.in.get()).st_mode));
  EXPECT_TRUE(S_ISFIFO(look(stdio.out.get()).st_mode));
  EXPECT_TRUE(same(stdio.err.get(), c_.write.get()));
  EXPECT_EQ(stdio.relays.size(), 2U);
}

TEST_F(StdioTest, ATerminalIsNeverGivenAway) {
  const linux::UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::unlockpt(master.get()), 0);
  const linux::UniqueFd tty(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(tty.valid());
  Stdio stdio = connect(tty.get(), tty.get(), tty.get(), {.interactive = true});
  for (const int fd : {stdio.in.get(), stdio.out.get(), stdio.err.get()}) {
    EXPECT_TRUE(S_ISFIFO(look(fd).st_mode));
  }
}

TEST_F(StdioTest, ANamedPipeIsNeverGivenAway) {
  char dir[] = "/tmp/recap-fifo-XXXXXX";
  ASSERT_NE(::mkdtemp(dir), nullptr);
  const std::string path = std::string(dir) + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const linux::UniqueFd fifo(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  Stdio stdio = connect(a_.read.get(), fifo.get(), c_.write.get(), {});
  EXPECT_FALSE(same(stdio.out.get(), fifo.get()));
  EXPECT_EQ(stdio.relays.size(), 1U);
  ::unlink(path.c_str());
  ::rmdir(dir);
}

TEST_F(StdioTest, NullIsOpenedAnew) {
  Stdio stdio = connect(null_.get(), null_.get(), null_.get(), {.interactive = true});
  EXPECT_TRUE(same(stdio.out.get(), null_.get()));
  EXPECT_TRUE(stdio.relays.empty());
}

TEST_F(StdioTest, OneFileForBothKeepsTheirOrder) {
  Stdio stdio = connect(a_.read.get(), file_.get(), file_.get(), {});
  EXPECT_TRUE(same(stdio.out.get(), stdio.err.get()));
  EXPECT_EQ(stdio.relays.size(), 1U);
}

TEST_F(StdioTest, AnArtifactOnStdoutMovesTheFunctionsStdoutToStderr) {
  Stdio stdio = connect(a_.read.get(), b_.write.get(), c_.write.get(), {.stdout_is_taken = true});
  EXPECT_TRUE(same(stdio.out.get(), c_.write.get()));
  EXPECT_TRUE(same(stdio.err.get(), c_.write.get()));
}

TEST_F(StdioTest, ATerminalOrADetachedRunGetsNothing) {
  for (const StdioWish wish : {StdioWish{.interactive = true, .terminal = true},
                               StdioWish{.interactive = true, .detached = true}}) {
    Stdio stdio = connect(a_.read.get(), b_.write.get(), c_.write.get(), wish);
    for (const int fd : {stdio.in.get(), stdio.out.get(), stdio.err.get()}) {
      EXPECT_TRUE(same(fd, null_.get()));
    }
  }
}

}  // namespace
}  // namespace recap::capsule
