// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "targets/fake_engine.h"
#include "targets/fake_host.h"
#include "targets/target.h"

namespace recap::targets {
namespace {

using base::Kind;
const std::string kA = hex_id('a');
const std::string kB = hex_id('b');

std::string message(const base::Result<Target>& result) {
  return result ? "found " + address_of(*result) : std::string(result.error().message());
}

TEST(Find, DockerByNameIdAndPrefix) {
  const FakeHost host;
  const Child child;
  const std::string answer = FakeEngine::docker(kA, "web", child.pid());
  const FakeEngine engine(host.roots.docker_sockets[0], {{"/containers/web/json", answer},
                                                         {"/containers/" + kA + "/json", answer},
                                                         {"/containers/aaaa/json", answer},
                                                         {"/containers/aaa/json", answer}});
  for (const std::string& name :
       std::vector<std::string>{"web", kA, "aaaa", "docker://web", "docker://aaaa"}) {
    const auto target = find(name, host.roots);
    ASSERT_TRUE(target) << message(target);
    EXPECT_EQ(target->id, kA);
    EXPECT_EQ(target->name, "web");
    EXPECT_EQ(target->image, "lean:1");
    EXPECT_EQ(target->labels.at("app"), "shop");
    EXPECT_EQ(target->start_time, child.start_time());
  }
  EXPECT_EQ(find("aaa", host.roots).error().kind(), Kind::kNotFound);  // too short a prefix
}

TEST(Find, AByIdFromFilesAsksNoSocket) {
  const FakeHost host;
  const Child child;
  const FakeEngine docker(host.roots.docker_sockets[0], {});
  const FakeEngine podman(host.roots.podman_sockets[0], {});
  host.add_runc(kA, child);
  EXPECT_TRUE(find(kA, host.roots));
  EXPECT_TRUE(find("pid:" + std::to_string(child.pid()), host.roots));
  EXPECT_EQ(docker.requests() + podman.requests(), 0);
  host.add_runc("web", child);
  EXPECT_TRUE(find("web", host.roots));  // "web" could be Docker's too
  EXPECT_EQ(docker.requests(), 1);
}

TEST(Find, RivalsAreListedAndRefused) {
  const FakeHost host;
  const Child child;
  host.add_runc("web", child);
  const FakeEngine engine(host.roots.docker_sockets[0],
                          {{"/containers/web/json", FakeEngine::docker(kA, "web", child.pid())}});
  const auto target = find("web", host.roots);
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().kind(), Kind::kInvalid);
  EXPECT_NE(message(target).find("docker://web"), std::string::npos) << message(target);
  EXPECT_NE(message(target).find("runc://web"), std::string::npos) << message(target);
  EXPECT_EQ(find("docker://web", host.roots)->id, kA);
  EXPECT_EQ(find("runc://web", host.roots)->id, "web");
}

TEST(Find, AnExactNameBeatsAPrefixAndManyPrefixesAreCut) {
  const FakeHost host;
  const Child child;
  host.add_runc("webs", child);
  for (int i = 0; i < 12; ++i) {
    host.add_runc("webs-" + std::to_string(i), child);
  }
  EXPECT_EQ(find("webs", host.roots)->id, "webs");
  const auto many = find("webs-", host.roots);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().kind(), Kind::kInvalid);
  EXPECT_NE(message(many).find("or 4 more"), std::string::npos) << message(many);
  EXPECT_EQ(find("webs-11", host.roots)->id, "webs-11");
  EXPECT_EQ(find("web", host.roots).error().kind(), Kind::kNotFound);
}

TEST(Find, StoppedPausedAndSandboxedAreRefused) {
  const FakeHost host;
  const Child child;
  const FakeEngine engine(
      host.roots.docker_sockets[0],
      {{"/containers/stopped/json", FakeEngine::docker(kA, "stopped", 0, R"("Running":false)")},
       {"/containers/paused/json",
        FakeEngine::docker(kA, "paused", child.pid(), R"("Running":true,"Paused":true)")},
       {"/containers/gvisor/json",
        FakeEngine::docker(kA, "gvisor", child.pid(), R"("Running":true)", "runsc")},
       {"/containers/kata/json", FakeEngine::docker(kA, "kata", child.pid(), R"("Running":true)",
                                                    "io.containerd.kata.v2")}});
  EXPECT_EQ(find("stopped", host.roots).error().kind(), Kind::kNotFound);
  EXPECT_NE(message(find("stopped", host.roots)).find("start it first"), std::string::npos);
  EXPECT_EQ(find("paused", host.roots).error().kind(), Kind::kBusy);
  EXPECT_NE(message(find("paused", host.roots)).find("unpause it first"), std::string::npos);
  EXPECT_EQ(find("gvisor", host.roots).error().kind(), Kind::kUnsupported);
  EXPECT_EQ(find("kata", host.roots).error().kind(), Kind::kUnsupported);
  EXPECT_EQ(find("nothing", host.roots).error().kind(), Kind::kNotFound);
}

TEST(Find, AFrozenCgroupIsPaused) {
  FakeHost host;
  const Child child;
  host.add_runc(kA, child);
  host.fake_proc(child, "6:freezer:/docker/x\n");
  EXPECT_TRUE(find(kA, host.roots));
  host.write("cgroup/freezer/docker/x/freezer.state", "FROZEN\n");
  EXPECT_EQ(find(kA, host.roots).error().kind(), Kind::kBusy);
  EXPECT_EQ(find("pid:" + std::to_string(child.pid()), host.roots).error().kind(), Kind::kBusy);
}

TEST(Find, StateOfTheDeadIsNoTarget) {
  const FakeHost host;
  Child child;
  host.add_runc(kA, child);
  child.kill_without_reaping();
  EXPECT_EQ(find(kA, host.roots).error().kind(), Kind::kNotFound);
  child.end();
  EXPECT_EQ(find(kA, host.roots).error().kind(), Kind::kNotFound);
  // The pid was reused: the runtime's recorded start time is another one.
  const Child other;
  host.write("runc/" + kB + "/state.json", R"({"id":")" + kB + R"(","init_process_pid":)" +
                                               std::to_string(other.pid()) +
                                               R"(,"init_process_start":1})");
  EXPECT_EQ(find(kB, host.roots).error().kind(), Kind::kNotFound);
  EXPECT_TRUE(list(host.roots)->empty());
}

TEST(Find, PodsByNamespaceNameAndContainer) {
  const FakeHost host;
  const Child child;
  const auto add = [&](const std::string& id, const std::string& container,
                       const std::string& type) {
    host.write("tasks/k8s.io/" + id + "/init.pid", std::to_string(child.pid()));
    host.write("tasks/k8s.io/" + id + "/config.json",
               R"({"annotations":{"io.kubernetes.cri.sandbox-name":"web-0",)"
               R"("io.kubernetes.cri.sandbox-namespace":"shop",)"
               R"("io.kubernetes.cri.container-name":")" +
                   container + R"(","io.kubernetes.cri.container-type":")" + type + R"("}})");
  };
  add(kA, "nginx", "container");
  add(hex_id('c'), "", "sandbox");
  EXPECT_EQ(find("pod/shop/web-0", host.roots)->container, "nginx");
  add(kB, "sidecar", "container");
  const auto rivals = find("pod/shop/web-0", host.roots);
  ASSERT_FALSE(rivals);
  EXPECT_NE(message(rivals).find("pod/shop/web-0/sidecar"), std::string::npos) << message(rivals);
  EXPECT_EQ(find("pod/shop/web-0/sidecar", host.roots)->id, kB);
  EXPECT_EQ(find("containerd://k8s.io/bbbb", host.roots)->id, kB);
  host.add_runc(hex_id('d'), child, "", "/run/c/io.containerd.runtime.v2.task/moby/" + hex_id('d'));
  EXPECT_EQ(find("containerd://moby/dddd", host.roots)->runtime, "docker");
  EXPECT_EQ(find("pod/other/web-0", host.roots).error().kind(), Kind::kNotFound);
  EXPECT_EQ(find("containerd://default/" + kB, host.roots).error().kind(), Kind::kNotFound);
}

// Docker copies an image's labels to its containers, so an image could pose as anybody's pod.
TEST(Find, APodOfDockersIsKnownByItsNameNotByLabels) {
  const FakeHost host;
  const Child child;
  const Child pod;
  const auto poses = FakeEngine::ok(
      R"({"Id":")" + kA + R"(","Name":"/innocent","State":{"Running":true,"Pid":)" +
      std::to_string(child.pid()) +
      R"(},"Config":{"Labels":{"io.kubernetes.pod.name":"web","io.kubernetes.pod.namespace":"shop",)" +
      R"("io.kubernetes.container.name":"nginx"}},"HostConfig":{"Runtime":"runc"}})");
  const FakeEngine engine(
      host.roots.docker_sockets[0],
      {{"/containers/json", FakeEngine::ok(R"([{"Id":")" + kA + R"("},{"Id":")" + kB + R"("}])")},
       {"/containers/" + kA + "/json", poses},
       {"/containers/" + kB + "/json",
        FakeEngine::docker(kB, "k8s_nginx_web-0_shop_0b7e9a6c_1", pod.pid())}});
  EXPECT_EQ(find("pod/shop/web/nginx", host.roots).error().kind(), Kind::kNotFound);
  const auto real = find("pod/shop/web-0/nginx", host.roots);
  ASSERT_TRUE(real) << message(real);
  EXPECT_EQ(real->id, kB);
}

TEST(Find, PodmansSocketIsLeftAloneForNamesItsStorageDoesNotHave) {
  const FakeHost host;
  const Child child;
  const FakeEngine podman(host.roots.podman_sockets[0], {});
  host.add_runc("web", child);
  host.add_runc(kA, child, R"("io.container.manager=libpod",)");
  host.write("storage/overlay-containers/containers.json",
             R"([{"id":")" + kA + R"(","names":["pweb"]}])");
  EXPECT_TRUE(find("web", host.roots));
  EXPECT_EQ(podman.requests(), 0);
  const auto target = find("pweb", host.roots);
  ASSERT_TRUE(target) << message(target);
  EXPECT_EQ(address_of(*target), "podman://pweb");
  EXPECT_EQ(podman.requests(), 1);
  host.write("storage/overlay-containers/volatile-containers.json",
             R"([{"id":")" + kB + R"(","names":["passing"]}])");
  host.add_runc(kB, child, R"("io.container.manager=libpod",)");
  EXPECT_TRUE(find("podman://passing", host.roots));
  EXPECT_EQ(find("nobody", host.roots).error().kind(), Kind::kNotFound);
  EXPECT_EQ(podman.requests(), 3);  // the storage may be another one
}

TEST(Find, AnEngineThatTalksNonsenseIsAnErrorNotATarget) {
  const FakeHost host;
  const Child child;
  const FakeEngine engine(
      host.roots.docker_sockets[0],
      {{"/containers/html/json", "HTTP/1.0 200 OK\r\n\r\n<html>"},
       {"/containers/noid/json", FakeEngine::ok("{}")},
       {"/containers/aaaa/json", FakeEngine::docker(kA, "a\\u001b[2J", child.pid())},
       {"/containers/error/json", FakeEngine::status(500, "boom\\u001b]52;c")},
       {"/containers/dead/json", FakeEngine::status(500, "multiple IDs found")}});
  for (const std::string name : {"html", "noid", "aaaa", "error", "dead"}) {
    const auto target = find(name, host.roots);
    ASSERT_FALSE(target) << name;
    EXPECT_EQ(message(target).find('\x1b'), std::string::npos) << name;
  }
  EXPECT_EQ(find("dead", host.roots).error().kind(), Kind::kInvalid);
}

TEST(List, EveryRuntimeOnceSorted) {
  const FakeHost host;
  const Child child;
  host.add_runc(kA, child, "", "/run/c/io.containerd.runtime.v2.task/moby/" + kA);
  host.add_runc("plain", child);
  const FakeEngine engine(
      host.roots.docker_sockets[0],
      {{"/containers/json", FakeEngine::ok(R"([{"Id":")" + kA + R"("}])")},
       {"/containers/" + kA + "/json", FakeEngine::docker(kA, "web", child.pid())}});
  const auto targets = list(host.roots);
  ASSERT_TRUE(targets);
  ASSERT_EQ(targets->size(), 2U);
  EXPECT_EQ(address_of((*targets)[0]), "docker://web");
  EXPECT_TRUE((*targets)[0].start_time_recorded);
  EXPECT_EQ(address_of((*targets)[1]), "runc://plain");
}

}  // namespace
}  // namespace recap::targets
