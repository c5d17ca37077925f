// SPDX-License-Identifier: Apache-2.0
#include <linux/sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "linux/process.h"
#include "targets/fake_host.h"
#include "targets/target.h"

namespace recap::targets {
namespace {

using base::Kind;
const std::string kA = hex_id('a');
const std::string kB = hex_id('b');

Target docker_target(const Child& child) {
  Target target;
  target.runtime = "docker";
  target.id = kA;
  target.name = "web";
  target.pid = child.pid();
  target.start_time = child.start_time();
  return target;
}

TEST(Pin, ThePidfdIsTheTargets) {
  FakeHost host;
  Child child;
  host.fake_proc(child, "2:pids:/docker/" + kA + "\n0::/docker/" + kA + "\n");
  auto pinned = pin(docker_target(child), host.roots);
  ASSERT_TRUE(pinned) << pinned.error().message();
  EXPECT_TRUE(linux::send_signal(pinned->pidfd.get(), 0));
  child.end();
  EXPECT_FALSE(linux::send_signal(pinned->pidfd.get(), 0));
}

TEST(Pin, AnotherContainersProcessIsRefused) {
  FakeHost host;
  const Child child;
  for (const std::string& cgroups : std::vector<std::string>{
           "0::/docker/" + kB + "\n", "0::/docker/" + kB + "/" + kA + "\n", std::string("0::/\n"),
           std::string("0::/docker/web\n"), std::string("")}) {
    host.fake_proc(child, cgroups);
    const auto pinned = pin(docker_target(child), host.roots);
    ASSERT_FALSE(pinned) << cgroups;
    EXPECT_EQ(pinned.error().kind(), Kind::kDenied);
  }
}

TEST(Pin, AReusedPidIsGone) {
  FakeHost host;
  const Child child;
  host.fake_proc(child, "0::/docker/" + kA + "\n");
  Target target = docker_target(child);
  target.start_time += 1;
  EXPECT_EQ(pin(target, host.roots).error().kind(), Kind::kGone);
}

// A child with a number that another one had (clone3(2), set_tid).
pid_t child_with_pid(pid_t pid) {
  clone_args args{};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<std::uint64_t>(&pid);
  args.set_tid_size = 1;
  const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      ::pause();
    }
  }
  return child;
}

TEST(Pin, ThePidOfATargetThatEndedAfterItWasFoundIsGone) {
  Child child;
  Target target = docker_target(child);
  target.id.clear();  // a plain process: only its start time tells it apart
  child.end();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // start times count in 10 ms
  const auto pid = static_cast<pid_t>(target.pid);
  ASSERT_EQ(child_with_pid(pid), pid) << std::strerror(errno);
  EXPECT_EQ(pin(target, Roots{}).error().kind(), Kind::kGone);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(Pin, TheDeadAreGone) {
  const FakeHost host;
  Child child;
  const Target target = docker_target(child);
  child.kill_without_reaping();
  EXPECT_EQ(pin(target, host.roots).error().kind(), Kind::kGone);
  child.end();
  EXPECT_EQ(pin(target, host.roots).error().kind(), Kind::kGone);
}

TEST(Pin, WithoutACgroupTheRecordedStartTimeIdentifies) {
  FakeHost host;
  const Child child;
  host.fake_proc(child, "0::/\n");
  Target target = docker_target(child);
  target.start_time_recorded = true;
  EXPECT_TRUE(pin(target, host.roots));
  host.fake_proc(child, "0::/docker/" + kB + "\n");
  EXPECT_EQ(pin(target, host.roots).error().kind(), Kind::kDenied);
}

TEST(Pin, AProcOfAnotherPidNamespaceIsNoticed) {
  FakeHost host;
  const Child child;
  host.fake_proc(child, "0::/docker/" + kA + "\n");
  const std::string pid = std::to_string(child.pid());
  host.write("proc/" + pid + "/status", "Name:\tx\nTgid:\t" + pid + "\nNSpid:\t5\t" + pid + "\n");
  EXPECT_EQ(pin(docker_target(child), host.roots).error().kind(), Kind::kDenied);
}

TEST(Pin, WhatTheProcessSaysOfItselfIsIgnored) {
  const Child child;
  Target target = docker_target(child);
  target.id.clear();
  target.runtime = "process";
  target.name = "pid:" + std::to_string(child.pid());
  EXPECT_TRUE(pin(target, Roots{}));
}

TEST(Roots, TheEnvironmentReplacesDefaults) {
  ::setenv("DOCKER_HOST", "tcp://1.2.3.4:2375", 1);
  EXPECT_EQ(roots_from_env().docker_sockets, Roots{}.docker_sockets);
  ::setenv("DOCKER_HOST", "unix:///a.sock", 1);
  EXPECT_EQ(roots_from_env().docker_sockets, (std::vector<std::string>{"/a.sock"}));
  ::setenv("RECAP_OCI_ROOTS", "/a:/b", 1);
  EXPECT_EQ(roots_from_env().oci_roots, (std::vector<std::string>{"/a", "/b"}));
  ::setenv("RECAP_PODMAN_SOCKET", "", 1);
  EXPECT_TRUE(roots_from_env().podman_sockets.empty());
  ::unsetenv("DOCKER_HOST");
  ::unsetenv("RECAP_OCI_ROOTS");
  ::unsetenv("RECAP_PODMAN_SOCKET");
}

}  // namespace
}  // namespace recap::targets
