// SPDX-License-Identifier: Apache-2.0
#include "targets/cgroup.h"

#include <gtest/gtest.h>

#include "targets/fake_host.h"

namespace recap::targets {
namespace {

const std::string kA = hex_id('a');
const std::string kB = hex_id('b');

TEST(Cgroup, FormsOfEveryRuntime) {
  const auto owner = [](const std::string& path) { return container_of("0::" + path + "\n", ""); };
  EXPECT_EQ(owner("/docker/" + kA)->runtime, "docker");
  EXPECT_EQ(owner("/system.slice/docker-" + kA + ".scope")->runtime, "docker");
  EXPECT_EQ(owner("/kubepods.slice/x.slice/cri-containerd-" + kA + ".scope")->runtime,
            "containerd");
  EXPECT_EQ(owner("/kubepods/burstable/pod1/" + kA)->runtime, "containerd");
  EXPECT_EQ(owner("/machine.slice/libpod-" + kA + ".scope/container")->runtime, "podman");
  EXPECT_EQ(owner("/libpod_parent/libpod-" + kA)->runtime, "podman");
  EXPECT_EQ(owner("/kubepods.slice/crio-" + kA + ".scope")->runtime, "cri-o");
  EXPECT_EQ(owner("/docker/" + kA)->id, kA);
}

TEST(Cgroup, WhatIsNoContainerIsNone) {
  for (const std::string& path : std::vector<std::string>{
           "/", "/user.slice/session-1.scope", "/crio-conmon-" + kA + ".scope",
           "/docker/" + kA.substr(1), "/docker/" + kA + "a", "/docker/" + std::string(64, 'A'),
           "/docker-" + kA + ".scope.d", "/xdocker-" + kA + ".scope"}) {
    EXPECT_FALSE(container_of("0::" + path + "\n", "")) << path;
  }
}

TEST(Cgroup, TheShallowestNameCounts) {
  // A target may make cgroups below its own and name them after another container.
  const std::string nested = "0::/docker/" + kA + "/docker-" + kB + ".scope\n";
  EXPECT_EQ(container_of(nested, "")->id, kA);
  EXPECT_EQ(compare(nested, "", kB, ""), Naming::kAnotherContainer);
  EXPECT_EQ(compare(nested, "", kA, ""), Naming::kThisContainer);
}

TEST(Cgroup, OneHierarchyThatDisagreesIsEnough) {
  const std::string split = "2:pids:/docker/" + kA + "\n1:cpu:/docker/" + kB + "\n";
  EXPECT_EQ(compare(split, "", kA, ""), Naming::kAnotherContainer);
}

TEST(Cgroup, NamesMustMatchExactly) {
  EXPECT_EQ(compare("0::/docker/web1\n", "", "web", ""), Naming::kNoContainer);
  EXPECT_EQ(compare("0::/xweb\n", "", "web", ""), Naming::kNoContainer);
  EXPECT_EQ(compare("0::/a/web/b\n", "", "web", ""), Naming::kThisContainer);
  EXPECT_EQ(compare("0::/user.slice/runc-web.scope\n", "", "web", ""), Naming::kThisContainer);
  EXPECT_EQ(compare("0::/docker/" + kA.substr(0, 63) + "\n", "", kA, ""), Naming::kNoContainer);
}

TEST(Cgroup, TheRuntimesOwnRecordServesWhereThePathDoesNotNameTheId) {
  EXPECT_EQ(compare("0::/custom/path/init\n", "", "web", "/custom/path"), Naming::kThisContainer);
  EXPECT_EQ(compare("0::/custom/pathology\n", "", "web", "/custom/path"), Naming::kNoContainer);
  EXPECT_EQ(compare("0::/anything\n", "", "web", "/"), Naming::kNoContainer);
}

TEST(Cgroup, WhatTheHostIsInIsNotTheContainers) {
  const std::string host = "0::/docker/" + kB + "/init.scope\n";
  const std::string nested = "0::/docker/" + kB + "/docker/" + kA + "\n";
  EXPECT_EQ(compare(nested, host, kA, ""), Naming::kThisContainer);
  EXPECT_EQ(container_of(nested, host)->id, kA);
  EXPECT_FALSE(container_of("0::/docker/" + kB + "/ssh.service\n", host));
}

TEST(Cgroup, DamagedTextIsNoContainer) {
  for (const std::string_view text : {"", "\n\n", ":", "0:", "garbage", "0::"}) {
    EXPECT_EQ(compare(text, text, kA, ""), Naming::kNoContainer) << text;
    EXPECT_FALSE(container_of(text, text));
  }
}

TEST(Cgroup, FrozenByEitherVersion) {
  const FakeHost host;
  const std::string v1 = "6:freezer:/docker/x\n0::/\n";
  const std::string v2 = "0::/docker/x\n";
  EXPECT_FALSE(is_frozen(v1, host.roots));
  host.write("cgroup/freezer/docker/x/freezer.state", "THAWED\n");
  EXPECT_FALSE(is_frozen(v1, host.roots));
  host.write("cgroup/freezer/docker/x/freezer.state", "FREEZING\n");
  EXPECT_TRUE(is_frozen(v1, host.roots));
  host.write("cgroup/docker/x/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_FALSE(is_frozen(v2, host.roots));
  host.write("cgroup/docker/x/cgroup.events", "populated 1\nfrozen 1\n");
  EXPECT_TRUE(is_frozen(v2, host.roots));
  host.write("cgroup/unified/docker/x/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_FALSE(is_frozen(v2, host.roots));  // hybrid: the version 2 hierarchy is in `unified`
  EXPECT_FALSE(is_frozen("0::/../../docker/x\n6:freezer:/../x\n", host.roots));
}

}  // namespace
}  // namespace recap::targets
