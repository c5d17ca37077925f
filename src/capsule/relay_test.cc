// SPDX-License-Identifier: Apache-2.0
#include "capsule/relay.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "linux/fs.h"

namespace recap::capsule {
namespace {

std::string random_bytes(std::size_t size) {
  std::mt19937 generator(4711);
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(generator());
  }
  return bytes;
}

void pump(Relay& relay) {
  std::array<linux::PollFd, 2> slots;
  while (!relay.done()) {
    relay.watch(slots);
    ASSERT_TRUE(linux::poll(slots, 10000));
    relay.advance(slots);
  }
}

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 3000> buffer;
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) {
      return all;
    }
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    in_ = *linux::make_pipe();
    out_ = *linux::make_pipe();
  }
  linux::Pipe in_, out_;
};

TEST_F(RelayTest, CopiesEveryByteInOrder) {
  const std::string sent = random_bytes(3 << 20);
  std::string received;
  std::thread writer([&] {
    (void)linux::write_text(in_.write.get(), sent);
    in_.write.reset();
  });
  std::thread reader([&] { received = read_to_end(out_.read.get()); });
  ASSERT_TRUE(linux::set_nonblocking(out_.write.get(), true));
  Relay relay(Relay::Direction::kFromFunction, RelayEnd::lend(in_.read.get()),
              RelayEnd::own(std::move(out_.write)));
  pump(relay);
  writer.join();
  reader.join();
  EXPECT_TRUE(sent == received);
}

TEST_F(RelayTest, NeverBlocksOnASinkThatMayBlock) {
  const std::string sent = random_bytes(1 << 20);
  std::string received;
  std::thread writer([&] {
    (void)linux::write_text(in_.write.get(), sent);
    in_.write.reset();
  });
  Relay relay(Relay::Direction::kFromFunction, RelayEnd::lend(in_.read.get()),
              RelayEnd::lend(out_.write.get()));
  std::array<linux::PollFd, 2> slots;
  int ready = 1;
  while (ready > 0) {  // until the sink is full: every advance() must come back
    relay.watch(slots);
    ready = *linux::poll(slots, 300);
    relay.advance(slots);
  }
  EXPECT_FALSE(relay.done());
  std::thread reader([&] { received = read_to_end(out_.read.get()); });
  pump(relay);
  out_.write.reset();
  writer.join();
  reader.join();
  EXPECT_TRUE(sent == received);
}

TEST_F(RelayTest, AClosedSinkClosesTheSource) {
  ASSERT_TRUE(linux::set_nonblocking(in_.read.get(), true));
  Relay relay(Relay::Direction::kFromFunction, RelayEnd::own(std::move(in_.read)),
              RelayEnd::lend(out_.write.get()));
  out_.read.reset();
  ASSERT_TRUE(linux::write_text(in_.write.get(), "x"));
  pump(relay);
  EXPECT_EQ(::write(in_.write.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

// As much as was there, though its writer lives on and says more.
TEST_F(RelayTest, TheRestIsWhatTheSourceHolds) {
  ASSERT_TRUE(linux::set_nonblocking(in_.read.get(), true));
  Relay relay(Relay::Direction::kFromFunction, RelayEnd::own(std::move(in_.read)),
              RelayEnd::lend(out_.write.get()));
  ASSERT_TRUE(linux::set_nonblocking(in_.write.get(), true));
  ASSERT_TRUE(linux::set_nonblocking(out_.read.get(), true));
  const std::string sent = random_bytes(8000);
  ASSERT_TRUE(linux::write_text(in_.write.get(), sent));
  relay.take_the_rest();
  std::string received;
  std::array<linux::PollFd, 2> slots;
  for (int i = 0; i < 200 && !relay.done(); ++i) {
    (void)linux::write_text(in_.write.get(), std::string(4096, 's'));
    relay.watch(slots);
    ASSERT_TRUE(linux::poll(slots, 0));
    relay.advance(slots);
    received += read_to_end(out_.read.get());
  }
  EXPECT_TRUE(relay.done());
  EXPECT_EQ(received.substr(0, sent.size()), sent);
}

TEST_F(RelayTest, AnEmptySourceIsNotWaitedFor) {
  Relay relay(Relay::Direction::kFromFunction, RelayEnd::lend(in_.read.get()),
              RelayEnd::lend(out_.write.get()));
  relay.take_the_rest();
  std::array<linux::PollFd, 2> slots;
  relay.watch(slots);
  EXPECT_EQ(*linux::poll(slots, 0), 0);
  relay.advance(slots);
  EXPECT_TRUE(relay.done());
}

TEST_F(RelayTest, AFilterMayChangeAndStopIt) {
  Relay relay(Relay::Direction::kToFunction, RelayEnd::lend(in_.read.get()),
              RelayEnd::lend(out_.write.get()));
  relay.set_filter(
      [](void*, std::string& bytes) {
        bytes = "<" + bytes + ">";
        return bytes.find('q') == std::string::npos;
      },
      nullptr);
  ASSERT_TRUE(linux::write_text(in_.write.get(), "ab"));
  std::array<linux::PollFd, 2> slots;
  for (int i = 0; i < 2; ++i) {
    relay.watch(slots);
    ASSERT_EQ(*linux::poll(slots, 1000), 1);
    relay.advance(slots);
  }
  EXPECT_FALSE(relay.detach_requested());
  std::array<char, 16> got{};
  EXPECT_EQ(::read(out_.read.get(), got.data(), got.size()), 4);
  EXPECT_EQ(std::string_view(got.data(), 4), "<ab>");
  ASSERT_TRUE(linux::write_text(in_.write.get(), "q"));
  relay.watch(slots);
  ASSERT_EQ(*linux::poll(slots, 1000), 1);
  relay.advance(slots);
  EXPECT_TRUE(relay.detach_requested());
}

}  // namespace
}  // namespace recap::capsule
