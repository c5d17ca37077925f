// SPDX-License-Identifier: Apache-2.0
#include "targets/oci.h"

#include <gtest/gtest.h>

#include "targets/containerd.h"
#include "targets/fake_host.h"
#include "targets/known.h"
#include "targets/podman.h"

namespace recap::targets {
namespace {

using base::Kind;
const std::string kA = hex_id('a');

TEST(Oci, RuncKeepsPidStartTimeAndCgroup) {
  const FakeHost host;
  const Child child;
  host.add_runc("web", child);
  const auto found = oci_container(host.roots.oci_roots[0], "web");
  ASSERT_TRUE(found && *found);
  const Target& target = **found;
  EXPECT_EQ(target.runtime, "runc");
  EXPECT_EQ(target.pid, child.pid());
  EXPECT_EQ(target.start_time, child.start_time());
  EXPECT_TRUE(target.start_time_recorded);
  EXPECT_EQ(target.cgroup, "/docker/web");
}

TEST(Oci, TheManagerIsReadFromAnnotationsAndBundle) {
  const FakeHost host;
  const Child child;
  const auto found = [&](const std::string& labels, const std::string& bundle = "/b") {
    host.add_runc(kA, child, labels, bundle);
    return **oci_container(host.roots.oci_roots[0], kA);
  };
  EXPECT_EQ(found(R"("io.container.manager=libpod",)").runtime, "podman");
  EXPECT_EQ(found(R"("io.container.manager=cri-o",)").runtime, "cri-o");
  EXPECT_EQ(found("", "/run/d/io.containerd.runtime.v2.task/moby/" + kA).runtime, "docker");
  const Target pod = found(R"("io.kubernetes.cri.sandbox-name=web-0",)"
                           R"("io.kubernetes.cri.sandbox-namespace=shop",)"
                           R"("io.kubernetes.cri.container-name=nginx",)"
                           R"("io.kubernetes.cri.container-type=container",)",
                           "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + kA);
  EXPECT_EQ(pod.runtime, "containerd");
  EXPECT_EQ(address_of(pod), "containerd://k8s.io/" + kA);
  EXPECT_EQ(pod.pod + "," + pod.pod_namespace + "," + pod.container, "web-0,shop,nginx");
}

TEST(Oci, ASandboxHasNoContainerName) {
  const auto target = parse_runc_state(
      R"({"id":"x","init_process_pid":7,"config":{"labels":["io.kubernetes.pod.name=web-0",)"
      R"("io.kubernetes.container.name=POD","io.kubernetes.cri-o.ContainerType=sandbox"]}})",
      "x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->pod, "web-0");
  EXPECT_EQ(target->container, "");
}

TEST(Oci, CrunAndYouki) {
  const FakeHost host;
  host.write("bundle/config.json", R"({"annotations":{"io.container.manager":"libpod"}})");
  const auto crun =
      parse_crun_status(R"({"pid":7,"process-start-time":9,"cgroup-path":"a/b","bundle":")" +
                            host.dir() + "/bundle\"}",
                        "x");
  ASSERT_TRUE(crun);
  EXPECT_EQ(crun->runtime, "podman");
  EXPECT_EQ(crun->oci_runtime, "crun");
  EXPECT_EQ(crun->start_time, 9U);
  EXPECT_EQ(crun->cgroup, "/a/b");
  const auto youki = parse_runc_state(
      R"({"ociVersion":"1.0","id":"x","status":"paused","pid":7,"bundle":"/b"})", "x");
  ASSERT_TRUE(youki);
  EXPECT_EQ(youki->runtime, "youki");
  EXPECT_EQ(youki->state, State::kPaused);
}

TEST(Oci, HostileStateIsRefused) {
  for (const std::string bad :
       {R"({"id":"x"})", R"({"id":"x","init_process_pid":"7"})",
        R"({"id":"x","init_process_pid":-7})", R"({"id":"x","init_process_pid":99999999999})",
        R"({"id":"x","init_process_pid":7.5})", R"({"id":"other","init_process_pid":7})", R"([])",
        R"("x")", ""}) {
    EXPECT_FALSE(parse_runc_state(bad, "x")) << bad;
  }
  EXPECT_EQ(parse_runc_state(R"({"id":"x","init_process_pid":0})", "x")->state, State::kStopped);
}

TEST(Oci, StateThatOthersCouldWriteIsNotBelieved) {
  const FakeHost host;
  const std::string root = host.roots.oci_roots[0];
  host.write("runc/web/state.json", R"({"id":"web","init_process_pid":7})", 0666);
  EXPECT_EQ(oci_container(root, "web").error().kind(), Kind::kDenied);
  host.write("elsewhere.json", R"({"id":"link","init_process_pid":7})");
  std::filesystem::create_directories(root + "/link");
  std::filesystem::create_symlink(host.dir() + "/elsewhere.json", root + "/link/state.json");
  EXPECT_EQ(oci_container(root, "link").error().kind(), Kind::kDenied);
  std::filesystem::create_directories(root + "/fifo");
  ASSERT_EQ(::mkfifo((root + "/fifo/state.json").c_str(), 0600), 0);
  EXPECT_EQ(oci_container(root, "fifo").error().kind(), Kind::kDenied);  // and does not hang
  std::filesystem::create_directories(root + "/dir/state.json");
  EXPECT_FALSE(oci_container(root, "dir"));
  host.write("runc/huge/state.json", std::string((16 << 20) + 1, ' '));
  EXPECT_EQ(oci_container(root, "huge").error().kind(), Kind::kCorrupt);
}

TEST(Oci, WhatIsNotThereIsNothing) {
  const FakeHost host;
  EXPECT_FALSE(*oci_container(host.roots.oci_roots[0], "web"));
  EXPECT_TRUE(oci_ids(host.roots.oci_roots[0])->empty());
  std::filesystem::create_directories(host.roots.oci_roots[0] + "/half");
  EXPECT_FALSE(*oci_container(host.roots.oci_roots[0], "half"));
  EXPECT_FALSE(*oci_container(host.roots.oci_roots[0], "../runc/half"));
  host.write("runc/lock", "");
  EXPECT_FALSE(*oci_container(host.roots.oci_roots[0], "lock"));
}

TEST(Containerd, BundlesGivePodAndRuntime) {
  const FakeHost host;
  host.write("tasks/k8s.io/x/init.pid", "7");
  host.write("tasks/k8s.io/x/shim-binary-path", "/usr/bin/containerd-shim-runsc-v1");
  host.write(
      "tasks/k8s.io/x/config.json",
      R"({"annotations":{"io.kubernetes.cri.sandbox-name":"p"},"linux":{"cgroupsPath":"/k/x"}})");
  const auto target = containerd_container({host.roots.containerd_roots[0], "k8s.io", "x"});
  ASSERT_TRUE(target && *target);
  EXPECT_EQ((*target)->oci_runtime, "runsc");
  EXPECT_EQ((*target)->pod, "p");
  EXPECT_EQ((*target)->cgroup, "/k/x");
  for (const std::string bad : {"", "0", "-1", "7x", "99999999"}) {
    host.write("tasks/k8s.io/x/init.pid", bad);
    EXPECT_FALSE(containerd_container({host.roots.containerd_roots[0], "k8s.io", "x"})) << bad;
  }
}

TEST(Known, OneDamagedContainerDoesNotHideTheOthers) {
  const FakeHost host;
  const Child child;
  host.add_runc("good", child);
  host.write("runc/bad/state.json", "{");
  const auto all = known_all(host.roots);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().name, "good");
  EXPECT_FALSE(known_by_id(host.roots, "bad"));
}

TEST(Known, NamesComeFromTheEnginesOwnFiles) {
  const FakeHost host;
  const Child child;
  host.add_runc(kA, child, R"("io.container.manager=libpod",)");
  host.write("storage/overlay-containers/containers.json",
             R"([{"id":")" + kA + R"(","names":["pweb"],"metadata":"{\"image-name\":\"lean\"}"}])");
  EXPECT_EQ(known_by_id(host.roots, kA)->front().name, "pweb");
  EXPECT_EQ(known_by_id(host.roots, kA)->front().image, "lean");
  const std::string b = hex_id('b');
  host.add_runc(b, child, "", "/run/c/io.containerd.runtime.v2.task/custom/" + b);
  host.write(
      "docker/containers/" + b + "/config.v2.json",
      R"({"ID":")" + b + R"(","Name":"/web","Config":{"Image":"i","Labels":{"app":"shop"}}})");
  const Target web = known_by_id(host.roots, b)->front();
  EXPECT_EQ(address_of(web), "docker://web");
  EXPECT_EQ(web.labels.at("app"), "shop");
}

}  // namespace
}  // namespace recap::targets
