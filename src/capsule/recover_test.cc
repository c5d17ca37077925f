// SPDX-License-Identifier: Apache-2.0
#include "capsule/recover.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::capsule {
namespace {

class Recover : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/recap-recover-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    state_ = path;
    std::filesystem::create_directories(state_ + "/runs");
  }
  void TearDown() override { std::filesystem::remove_all(state_); }

  void add_run(const std::string& id, const std::string& pid_file) {
    std::filesystem::create_directory(state_ + "/runs/" + id);
    if (!pid_file.empty()) {
      std::ofstream(state_ + "/runs/" + id + "/pid") << pid_file;
    }
  }
  void make_old(const std::string& id) {
    const timeval times[2] = {{1000, 0}, {1000, 0}};
    ASSERT_EQ(::utimes((state_ + "/runs/" + id).c_str(), times), 0);
  }
  std::size_t recovered(std::size_t limit = 0) {
    auto count = recover_dead_runs(state_, limit);
    EXPECT_TRUE(count) << count.error().message();
    return count ? *count : 999;
  }
  std::string state_;
};

TEST_F(Recover, NothingIsNoError) {
  EXPECT_EQ(recovered(), 0U);
  EXPECT_TRUE(recover_dead_runs(state_ + "/none"));
}

TEST_F(Recover, ALivingKeeperIsLeftAlone) {
  add_run("live", std::to_string(::getpid()) + " " +
                      std::to_string(*linux::start_time_of(::getpid())) + "\n");
  EXPECT_EQ(recovered(), 0U);
}

TEST_F(Recover, ADeadKeepersRunIsRecovered) {
  add_run("dead", "4194304 12345\n");
  EXPECT_EQ(recovered(), 1U);
}

TEST_F(Recover, AnotherProcessWithItsPidIsNotTheKeeper) {
  add_run("reused", std::to_string(::getpid()) + " 1\n");
  EXPECT_EQ(recovered(), 1U);
}

TEST_F(Recover, AZombieIsDead) {
  ::signal(SIGCHLD, SIG_DFL);  // starting a keeper has it ignored
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  add_run("zombie",
          std::to_string(child) + " " + std::to_string(*linux::start_time_of(child)) + "\n");
  EXPECT_EQ(recovered(), 1U);
}

TEST_F(Recover, ARunWithoutAPidFileIsGivenTimeToStart) {
  add_run("young", "");
  EXPECT_EQ(recovered(), 0U);
  make_old("young");
  EXPECT_EQ(recovered(), 1U);
}

TEST_F(Recover, LooksAtNoMoreThanItsLimit) {
  for (int i = 0; i < 5; ++i) {
    add_run("dead" + std::to_string(i), "4194304 12345\n");
  }
  EXPECT_EQ(recovered(2), 2U);
}

TEST_F(Recover, ADyingKeeperIsWaitedFor) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::usleep(300000);
    ::_exit(0);
  }
  add_run("dying",
          std::to_string(child) + " " + std::to_string(*linux::start_time_of(child)) + "\n");
  EXPECT_EQ(recovered(), 0U);
  EXPECT_TRUE(recover_run(state_, "dying"));
  EXPECT_EQ(recovered(), 0U);  // nothing is left of it
  EXPECT_TRUE(recover_run(state_, "none"));
}

TEST_F(Recover, WhatIsStillThereIsNoSuccess) {
  add_run("busy", "4194304 12345\n");
  const std::string path = state_ + "/runs/busy/ledger";
  auto ledger = linux::open_at(linux::kCwd, path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(ledger);
  ASSERT_TRUE(linux::lock_exclusive(ledger->get()));  // as a cleaner that does not end
  const auto recovered = recover_run(state_, "busy");
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().kind(), base::Kind::kBusy);
}

TEST_F(Recover, OtherNamesAreNoRuns) {
  add_run("Not A Run", "4194304 12345\n");
  EXPECT_EQ(recovered(), 0U);
}

}  // namespace
}  // namespace recap::capsule
