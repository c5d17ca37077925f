// SPDX-License-Identifier: Apache-2.0
// follow() against the other end of the caller's socket, where a keeper would be.
#include "capsule/follow.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "linux/fs.h"
#include "linux/socket.h"

namespace recap::capsule {
namespace {

class Follow : public testing::Test {
 protected:
  void SetUp() override {
    linux::SocketPair sockets = *linux::make_socket_pair();
    caller_ = std::move(sockets.a);
    keeper_ = std::move(sockets.b);
    signals_.emplace(*SignalWatch::start());
  }
  // A signal that a test did not use must not reach the next one, or end this program.
  void TearDown() override {
    while (signals_->next() != 0) {
    }
  }

  void say(run::EventType type, int exit_code = 0) {
    const run::Event event{.type = type, .exit_code = exit_code};
    ASSERT_TRUE(linux::send(keeper_.get(), std::as_bytes(std::span(&event, 1))));
  }
  run::Command hear() {
    run::Command command;
    auto size = linux::receive(keeper_.get(), std::as_writable_bytes(std::span(&command, 1)));
    EXPECT_TRUE(size && *size == sizeof command);
    return command;
  }
  Outcome follow_now(FollowOptions options = {}) {
    auto outcome = follow(options, std::move(caller_), *signals_, relays_);
    EXPECT_TRUE(outcome);
    return outcome ? *outcome : Outcome{};
  }

  linux::UniqueFd caller_, keeper_;
  std::optional<SignalWatch> signals_;
  std::vector<Relay> relays_;
};

TEST_F(Follow, EndsWithTheKeepersLastWord) {
  say(run::EventType::kAttached);
  say(run::EventType::kDone, 42);
  const Outcome outcome = follow_now();
  EXPECT_EQ(outcome.end, Outcome::End::kDone);
  EXPECT_TRUE(outcome.was_attached);
  EXPECT_EQ(outcome.event.exit_code, 42);
}

TEST_F(Follow, ReturnsAtOnceWhenItOnlyWaitsForTheFunction) {
  say(run::EventType::kAttached);
  EXPECT_EQ(follow_now({.until_attached = true}).end, Outcome::End::kAttached);
}

TEST_F(Follow, ButNotWithoutAReason) {
  say(run::EventType::kDone, 127);
  const Outcome outcome = follow_now({.until_attached = true});
  EXPECT_EQ(outcome.end, Outcome::End::kDone);
  EXPECT_FALSE(outcome.was_attached);
}

TEST_F(Follow, NoticesThatTheKeeperIsGone) {
  say(run::EventType::kAttached);
  keeper_.reset();
  EXPECT_EQ(follow_now().end, Outcome::End::kKeeperGone);
}

// On cgroup v2 whom we started ends at once, and is not the keeper any more.
TEST_F(Follow, GoesOnWithTheKeeperThatMoved) {
  linux::Pipe first = *linux::make_pipe();
  linux::Pipe second = *linux::make_pipe();
  const run::Event moved{.type = run::EventType::kMoved};
  const int pidfd = second.read.get();
  ASSERT_TRUE(linux::send(keeper_.get(), std::as_bytes(std::span(&moved, 1)), {&pidfd, 1}));
  first.write.reset();  // as readable as the pidfd of who ended
  std::thread keeper([&] {
    ::usleep(20'000);
    second.write.reset();
  });
  linux::UniqueFd hold = *linux::open_at(linux::kCwd, "/", O_PATH);
  const Outcome outcome = follow_now({.until_first_event = &hold, .keeper = first.read.get()});
  EXPECT_EQ(outcome.end, Outcome::End::kKeeperGone);
  EXPECT_TRUE(hold.valid());
  keeper.join();
}

TEST_F(Follow, SaysWhatAKeeperSaysThatHasNoPlace) {
  run::Event event{.type = run::EventType::kRefused};
  event.message = {'f', 'u', 'l', 'l'};
  ASSERT_TRUE(linux::send(keeper_.get(), std::as_bytes(std::span(&event, 1))));
  auto outcome = follow({}, std::move(caller_), *signals_, relays_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), base::Kind::kBusy);
  EXPECT_EQ(outcome.error().message(), "full");
}

TEST_F(Follow, RefusesAnotherVersion) {
  const run::Event event{.version = run::kControlVersion + 1};
  ASSERT_TRUE(linux::send(keeper_.get(), std::as_bytes(std::span(&event, 1))));
  auto outcome = follow({}, std::move(caller_), *signals_, relays_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), base::Kind::kUnsupported);
}

TEST_F(Follow, AFirstInterruptGoesToTheFunctionASecondEndsTheRun) {
  say(run::EventType::kAttached);
  std::thread keeper([&] {
    ::kill(::getpid(), SIGINT);
    run::Command first = hear();
    EXPECT_EQ(first.type, run::CommandType::kSignal);
    EXPECT_EQ(first.signal, SIGINT);
    ::kill(::getpid(), SIGINT);
    run::Command second = hear();
    EXPECT_EQ(second.type, run::CommandType::kStop);
    EXPECT_EQ(second.grace_ms, 0U);
    say(run::EventType::kDone, 130);
  });
  EXPECT_EQ(follow_now({.grace_ms = 5000}).event.exit_code, 130);
  keeper.join();
}

TEST_F(Follow, TerminationStopsTheRunWithItsGrace) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    SetUp();
    std::thread keeper([&] {
      ::kill(::getpid(), signal);
      run::Command command = hear();
      EXPECT_EQ(command.type, run::CommandType::kStop);
      EXPECT_EQ(command.signal, signal);
      EXPECT_EQ(command.grace_ms, 1234U);
      say(run::EventType::kDone);
    });
    follow_now({.grace_ms = 1234});
    keeper.join();
  }
}

TEST_F(Follow, AVisitorLeavesTheRunAlone) {
  say(run::EventType::kAttached);
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(follow_now({.is_visitor = true}).end, Outcome::End::kDetached);
  std::array<std::byte, 64> buffer;
  auto got = linux::receive(keeper_.get(), buffer);
  EXPECT_TRUE(!got || *got == 0);  // nothing but the end
}

TEST_F(Follow, CopiesWhatIsStillInThePipesAfterTheEnd) {
  linux::Pipe from = *linux::make_pipe();
  linux::Pipe to = *linux::make_pipe();
  ASSERT_TRUE(linux::set_nonblocking(from.read.get(), true));
  const std::string output(30000, 'x');
  ASSERT_TRUE(linux::write_text(from.write.get(), output));
  from.write.reset();
  relays_.emplace_back(Relay::Direction::kFromFunction, RelayEnd::own(std::move(from.read)),
                       RelayEnd::lend(to.write.get()));
  say(run::EventType::kDone);
  EXPECT_EQ(follow_now().end, Outcome::End::kDone);
  to.write.reset();
  std::string got(40000, '\0');
  got.resize(*linux::read_all(to.read.get(), std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, output);
}

TEST_F(Follow, DoesNotWaitForInputAtTheEnd) {
  linux::Pipe from = *linux::make_pipe();  // its writer stays open
  linux::Pipe to = *linux::make_pipe();
  ASSERT_TRUE(linux::set_nonblocking(to.write.get(), true));
  relays_.emplace_back(Relay::Direction::kToFunction, RelayEnd::lend(from.read.get()),
                       RelayEnd::own(std::move(to.write)));
  say(run::EventType::kDone);
  EXPECT_EQ(follow_now().end, Outcome::End::kDone);
}

TEST(SignalWatch, LeavesIgnoredSignalsIgnored) {
  struct sigaction before{};
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGHUP, &ignore, &before), 0);
  auto watch = SignalWatch::start();
  ASSERT_TRUE(watch);
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(watch->next(), 0);
  ::sigaction(SIGHUP, &before, nullptr);
}

}  // namespace
}  // namespace recap::capsule
