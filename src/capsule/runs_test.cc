// SPDX-License-Identifier: Apache-2.0
#include "capsule/runs.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "linux/proc.h"
#include "linux/process.h"

namespace recap::capsule {
namespace {

namespace fs = std::filesystem;

// A state and a data directory with runs in them.
class Runs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "recap-runs-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    dirs_.state = name + "/state";
    dirs_.data = name + "/data";
    fs::create_directories(dirs_.runs());
    fs::create_directories(dirs_.records());
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  void add_live(const std::string& id, const std::string& name, bool alive) {
    const fs::path dir = fs::path(dirs_.runs()) / id;
    fs::create_directories(dir);
    const auto start = linux::start_time_of(::getpid());
    write(dir / "pid",
          std::to_string(::getpid()) + " " + std::to_string(*start + (alive ? 0 : 1)) + "\n");
    run::Spec spec;
    std::array<std::string_view, 2> argv{"sleep", "9"};
    spec.run_id = id;
    spec.name = name;
    spec.target.name = "web";
    spec.argv = argv;
    spec.requested_ns = ++clock_;
    std::array<std::byte, 65536> buffer;
    const auto size = run::encode(spec, buffer);
    ASSERT_TRUE(size);
    write(dir / "spec", {reinterpret_cast<const char*>(buffer.data()), *size});
  }

  void add_ended(const std::string& id, const std::string& name, run::Reason reason) {
    run::Record record;
    record.run_id = id;
    record.name = name;
    record.reason = reason;
    record.started_at_s = static_cast<std::int64_t>(++clock_);
    std::array<std::byte, run::kMaxRecordBytes> buffer;
    const auto size = run::encode(record, buffer);
    ASSERT_TRUE(size);
    write(fs::path(dirs_.records()) / id, {reinterpret_cast<const char*>(buffer.data()), *size});
  }

  std::string find(std::string_view reference, Among among = Among::kAll) {
    const auto run = find_run(dirs_, reference, among);
    return run ? run->id : "error: " + std::string(run.error().message());
  }

  fs::path root_;
  Dirs dirs_;
  std::uint64_t clock_ = 0;
};

TEST_F(Runs, NoneIsNoError) {
  dirs_.state += "/absent";
  dirs_.data += "/absent";
  EXPECT_TRUE(list_live(dirs_)->empty());
  EXPECT_TRUE(list_ended(dirs_)->empty());
}

TEST_F(Runs, ListsInOrderOfStart) {
  add_live("zz-1", "first", true);
  add_live("aa-2", "second", false);
  add_live("mm-3", "mm-3", true);
  const auto runs = list_live(dirs_);
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 3U);
  EXPECT_EQ((*runs)[0].id, "zz-1");
  EXPECT_EQ((*runs)[0].life, Life::kLive);
  EXPECT_EQ((*runs)[0].keeper_pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ((*runs)[0].name(), "first");
  EXPECT_EQ((*runs)[0].target()->name, "web");
  ASSERT_EQ((*runs)[0].spec->spec.argv.size(), 2U);
  EXPECT_EQ((*runs)[0].spec->spec.argv[0], "sleep");
  // The same pid with another start time is another process: its keeper is dead.
  EXPECT_EQ((*runs)[1].life, Life::kDead);
}

TEST_F(Runs, LeavesOutWhatIsNoRunAndNoRecord) {
  add_ended("good", "good", run::Reason::kExited);
  add_ended("reserved", "reserved", run::Reason::kNotEnded);
  write(fs::path(dirs_.records()) / "broken", "RECR?");
  write(fs::path(dirs_.records()) / "empty", "");
  write(fs::path(dirs_.records()) / "good.stdout", "output");
  write(fs::path(dirs_.records()) / "huge", std::string(200'000, 'x'));
  fs::create_directories(fs::path(dirs_.runs()) / "NOT-A-RUN");
  const auto runs = list_ended(dirs_);
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 1U);
  EXPECT_EQ((*runs)[0].id, "good");
  EXPECT_TRUE(list_live(dirs_)->empty());
}

TEST_F(Runs, ARunThatJustStartsIsLive) {
  fs::create_directories(fs::path(dirs_.runs()) / "young");
  const auto runs = list_live(dirs_);
  ASSERT_EQ(runs->size(), 1U);
  EXPECT_EQ((*runs)[0].life, Life::kLive);
  EXPECT_EQ((*runs)[0].keeper_pid, 0U);
  EXPECT_EQ((*runs)[0].target(), nullptr);
}

TEST_F(Runs, FindsByIdNameAndPrefix) {
  add_live("3f2a9c", "capture", true);
  add_live("3f77aa", "trace", true);
  EXPECT_EQ(find("3f2a9c"), "3f2a9c");
  EXPECT_EQ(find("capture"), "3f2a9c");
  EXPECT_EQ(find("3f2"), "3f2a9c");
  EXPECT_EQ(find("tra"), "3f77aa");
}

TEST_F(Runs, AmbiguousNamesItsCandidates) {
  add_live("3f2a9c", "capture", true);
  add_live("3f77aa", "3f77aa", true);
  const std::string message = find("3f");
  EXPECT_NE(message.find("ambiguous"), std::string::npos) << message;
  EXPECT_NE(message.find("3f2a9c (capture), 3f77aa"), std::string::npos) << message;
  for (int i = 0; i < 20; ++i) {
    add_live("xx-" + std::to_string(i), "n", true);
  }
  EXPECT_NE(find("xx").find("or 12 more"), std::string::npos);
}

TEST_F(Runs, AnExactIdWinsOverAPrefix) {
  add_live("ab", "ab", true);
  add_live("abc", "abc", true);
  EXPECT_EQ(find("ab"), "ab");
}

TEST_F(Runs, PrefersLiveOverEndedAndLastOverFirst) {
  add_ended("old-1", "capture", run::Reason::kExited);
  add_ended("old-2", "capture", run::Reason::kStopped);
  EXPECT_EQ(find("capture"), "old-2");
  add_live("new-3", "capture", true);
  EXPECT_EQ(find("capture"), "new-3");
  EXPECT_EQ(find("old-1"), "old-1");
  EXPECT_NE(find("old").find("ambiguous"), std::string::npos);
}

TEST_F(Runs, ALiveRunsReservedRecordIsNotASecondRun) {
  add_live("3f2a9c", "capture", true);
  add_ended("3f2a9c", "capture", run::Reason::kNotEnded);
  EXPECT_EQ(find("3f2a9c"), "3f2a9c");
  EXPECT_EQ(find_run(dirs_, "capture", Among::kAll)->life, Life::kLive);
}

TEST_F(Runs, SaysWhatIsMissing) {
  add_ended("old-1", "capture", run::Reason::kExited);
  EXPECT_NE(find("capture", Among::kLive).find("has ended"), std::string::npos);
  EXPECT_NE(find("nope").find("there is no run nope"), std::string::npos);
  EXPECT_NE(find("").find("empty"), std::string::npos);
  EXPECT_LT(find(std::string(1 << 20, 'x')).size(), 300U);
}

TEST(IsRunId, KnowsItsGrammar) {
  EXPECT_TRUE(is_run_id("a-9"));
  EXPECT_TRUE(is_run_id(std::string(40, 'a')));
  for (const std::string_view bad : {"", ".", "..", "A", "a/b", "a.stdout", "ä", "a b"}) {
    EXPECT_FALSE(is_run_id(bad)) << bad;
  }
  EXPECT_FALSE(is_run_id(std::string(41, 'a')));
}

TEST(IsAlive, AZombieIsNot) {
  const auto start = linux::start_time_of(::getpid());
  ASSERT_TRUE(start);
  EXPECT_TRUE(is_alive({static_cast<std::uint32_t>(::getpid()), *start}));
  EXPECT_FALSE(is_alive({static_cast<std::uint32_t>(::getpid()), *start + 1}));
  ASSERT_NE(::signal(SIGCHLD, SIG_DFL), SIG_ERR);  // ignored, it would leave no zombie
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto its_start = linux::start_time_of(child);
  ASSERT_TRUE(its_start);
  EXPECT_FALSE(is_alive({static_cast<std::uint32_t>(child), *its_start}));
  ::waitpid(child, nullptr, 0);
}

TEST(ParsePidFile, TakesExactlyItsForm) {
  const auto keeper = parse_pid_file("123 4567890123\n");
  ASSERT_TRUE(keeper);
  EXPECT_EQ(keeper->pid, 123U);
  EXPECT_EQ(keeper->start_time, 4567890123U);
  for (const std::string_view bad :
       {"", "123", "123 ", "123 4", "123 4\n\n", "123\n4\n", " 123 4\n", "-1 4\n", "0 4\n",
        "123 4x\n", "99999999999 4\n", "123  4\n", "+1 4\n"}) {
    EXPECT_FALSE(parse_pid_file(bad)) << bad;
  }
}

}  // namespace
}  // namespace recap::capsule
