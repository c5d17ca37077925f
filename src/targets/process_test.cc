// SPDX-License-Identifier: Apache-2.0
#include "targets/process.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "targets/fake_host.h"

namespace recap::targets {
namespace {

using base::Kind;

std::string stat_of(const std::string& comm, const std::string& flags = "4194304") {
  return "7 (" + comm + ") S 1 7 7 0 -1 " + flags + " 0 0 0 0 0 0 0 0 20 0 1 0 4711 1 2 3\n";
}

TEST(Process, StartTimeIsFoundBehindAnyCommand) {
  for (const std::string comm :
       {"sleep", "a b", "x) S 1 1 1 0 -1 0 0", "((", "))", ") R (", "\n", ""}) {
    const auto stat = parse_stat(stat_of(comm));
    ASSERT_TRUE(stat) << comm;
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->start_time, 4711U);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_FALSE(stat->kernel_thread);
  }
  EXPECT_TRUE(parse_stat(stat_of("kworker", "69238880"))->kernel_thread);
}

TEST(Process, DamagedStatIsAnError) {
  for (const std::string bad : {"", "7", "7 (x", ")(", "7 (x) S 1 2",
                                "7 (x) S 1 7 7 0 -1 - 0 0 0 0 0 0 "
                                "0 0 20 0 1 0 4711 1"}) {
    EXPECT_FALSE(parse_stat(bad)) << bad;
  }
}

TEST(Process, StatusGivesBothIds) {
  const auto ids = parse_status("Name:\tx\nTgid:\t7\nPid:\t8\nNSpid:\t7\t1\n");
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->thread_group, 7U);
  EXPECT_EQ(ids->in_namespaces, (std::vector<std::uint32_t>{7, 1}));
  EXPECT_FALSE(parse_status("Name:\tx\n"));
  EXPECT_FALSE(parse_status("Tgid:\t7\nNSpid:\tx\n"));
}

TEST(Process, APlainProcessIsATarget) {
  const Child child;
  const auto target = process_target(child.pid(), Roots{});
  ASSERT_TRUE(target);
  EXPECT_EQ(target->name, "pid:" + std::to_string(child.pid()));
  EXPECT_EQ(target->start_time, child.start_time());
  EXPECT_NE(target->start_time, 0U);
}

TEST(Process, InitAndThreadsAreRefused) {
  EXPECT_EQ(process_target(1, Roots{}).error().kind(), Kind::kInvalid);
  std::atomic<bool> stop{false};
  std::atomic<pid_t> id{0};
  std::thread living([&] {
    id = ::gettid();
    while (!stop) {
      std::this_thread::yield();
    }
  });
  while (id == 0) {
    std::this_thread::yield();
  }
  const auto target = process_target(static_cast<std::uint32_t>(id.load()), Roots{});
  stop = true;
  living.join();
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().kind(), Kind::kInvalid);
  EXPECT_NE(target.error().message().find("thread"), std::string_view::npos);
}

TEST(Process, KernelThreadsAreRefused) {
  FakeHost host;
  host.roots.proc = host.dir() + "/proc";
  host.write("proc/7/stat", stat_of("kworker", "69238880"));
  const auto target = process_target(7, host.roots);
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().kind(), Kind::kInvalid);
}

TEST(Process, TheDeadAreNotFound) {
  Child child;
  const std::uint32_t pid = child.pid();
  child.kill_without_reaping();
  EXPECT_EQ(process_target(pid, Roots{}).error().kind(), Kind::kNotFound);  // a zombie
  child.end();
  EXPECT_EQ(process_target(pid, Roots{}).error().kind(), Kind::kNotFound);
}

TEST(Process, AContainersProcessTellsWhose) {
  FakeHost host;
  const Child child;
  host.fake_proc(child, "0::/docker/" + hex_id('a') + "\n");
  const auto target = process_target(child.pid(), host.roots);
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_EQ(target->runtime, "docker");
  EXPECT_EQ(target->id, hex_id('a'));
}

TEST(Process, SandboxesAreUnsupported) {
  FakeHost host;
  const Child child;
  host.fake_proc(child, "0::/\n");
  const std::string pid = std::to_string(child.pid());
  std::filesystem::create_symlink("/usr/local/bin/runsc", host.dir() + "/proc/" + pid + "/exe");
  EXPECT_EQ(process_target(child.pid(), host.roots).error().kind(), Kind::kUnsupported);
  std::filesystem::remove(host.dir() + "/proc/" + pid + "/exe");
  std::filesystem::create_symlink("/usr/bin/qemu-system-x86_64",
                                  host.dir() + "/proc/" + pid + "/exe");
  EXPECT_TRUE(process_target(child.pid(), host.roots));  // a virtual machine of one's own
  host.write("proc/" + pid + "/cgroup", "0::/kata_overhead/x\n");
  EXPECT_EQ(process_target(child.pid(), host.roots).error().kind(), Kind::kUnsupported);
}

}  // namespace
}  // namespace recap::targets
