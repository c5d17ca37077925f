// SPDX-License-Identifier: Apache-2.0
#include "linux/socket.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

namespace recap::linux {
namespace {

class Socket : public testing::Test {
 protected:
  void SetUp() override {
    auto made = make_socket_pair();
    ASSERT_TRUE(made);
    pair_ = *std::move(made);
  }
  SocketPair pair_;
};

TEST_F(Socket, AMessageThatIsTooLongIsNotAWholeOne) {
  const std::array<std::byte, 9> sent{};
  ASSERT_TRUE(send(pair_.a.get(), sent));
  std::array<std::byte, 8> room{};
  const auto got = receive(pair_.b.get(), room, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind(), base::Kind::kCorrupt);
}

TEST_F(Socket, DescriptorsThatFindNoNumberAreAnError) {
  const std::array<std::byte, 1> sent{};
  const std::array<int, 2> descriptors{0, 1};
  ASSERT_TRUE(send(pair_.a.get(), sent, descriptors));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ::close(next);
  const rlimit room_for_one{.rlim_cur = static_cast<rlim_t>(next) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &room_for_one), 0);
  std::array<std::byte, 1> room{};
  std::array<UniqueFd, 2> fds;
  const auto got = receive(pair_.b.get(), room, fds);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind(), base::Kind::kExhausted);
  const int now = ::dup(0);
  EXPECT_EQ(now, next) << "the one that came stayed open";
  ::close(now);
}

TEST_F(Socket, MessagesBringDescriptors) {
  const std::array<std::byte, 3> sent{std::byte{7}};
  const std::array<int, 1> descriptors{pair_.a.get()};
  ASSERT_TRUE(send(pair_.a.get(), sent, descriptors));
  std::array<std::byte, 8> room{};
  std::array<UniqueFd, 2> fds;
  const auto got = receive(pair_.b.get(), room, fds);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, sent.size());
  EXPECT_EQ(room[0], sent[0]);
  EXPECT_TRUE(fds[0].valid());
  EXPECT_FALSE(fds[1].valid());
}

}  // namespace
}  // namespace recap::linux
