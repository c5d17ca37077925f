// SPDX-License-Identifier: Apache-2.0
#include "capsule/stage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

TEST(Pull, IsForNamesThatOnlyAnImageCanHave) {
  for (const char* yes : {"registry.example/tools:1", "localhost/x", "debian:12", "library/nginx",
                          "tools@sha256:aa"}) {
    EXPECT_TRUE(can_be_pulled(yes)) << yes;
  }
  for (const char* no : {"tcpdump", "sha256:abcdef", "abcdef123456", ""}) {
    EXPECT_FALSE(can_be_pulled(no)) << no;
  }
}

Admitted example() {
  Admitted run;
  run.run_id = "0123456789ab";
  run.name = "capture";
  run.requester = "root";
  run.target.target.runtime = "docker";
  run.target.target.id = "c0ffee";
  run.target.target.pid = 4711;
  run.target.target.start_time = 99;
  run.image.digest = "sha256:aa";
  run.image.layers = {"/store/layers/b", "/store/layers/a"};
  run.grant.paths = {{"/var/log", true}, {"/etc", false}};
  run.grant.share = run::kShareNet;
  run.grant.capabilities = 1 << 13;
  run.limits = kDefaultLimits;
  run.argv = {"tcpdump", "-i", "any", ""};
  run.env = {"PATH=/bin", "X=a b\nc"};
  run.workdir = std::string("/");
  run.user = {7, 8, {}};
  run.user.groups = {9, 10};
  run.requested_ns = 123456789;
  return run;
}

TEST(StageSpec, KeepersReadWhatWasAdmitted) {
  auto fd = stage_spec(example(), Dirs{});
  ASSERT_TRUE(fd) << fd.error().message();
  struct stat info{};
  ASSERT_EQ(::fstat(fd->get(), &info), 0);
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
  ASSERT_EQ(::pread(fd->get(), bytes.data(), bytes.size(), 0), info.st_size);
  std::vector<std::string_view> words(run::kMaxWords * 2);
  auto spec = run::decode(bytes, words);
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->run_id, "0123456789ab");
  EXPECT_EQ(spec->target.container_id, "c0ffee");
  EXPECT_EQ(spec->target.start_time, 99U);
  ASSERT_EQ(spec->layer_count, 2U);
  EXPECT_EQ(spec->layers[0], "/store/layers/b");
  ASSERT_EQ(spec->path_count, 2U);
  EXPECT_TRUE(spec->paths[0].writable);
  ASSERT_EQ(spec->argv.size(), 4U);
  EXPECT_EQ(spec->argv[3], "");
  EXPECT_EQ(spec->envp[1], "X=a b\nc");
  EXPECT_EQ(spec->groups[1], 10U);
  EXPECT_EQ(spec->limits.memory_bytes, kDefaultLimits.memory_bytes);
  EXPECT_EQ(spec->state_dir, "/run/recap");
  EXPECT_EQ(spec->record_dir, "/var/lib/recap/records");
  EXPECT_EQ(spec->requested_ns, 123456789U);
}

TEST(StageSpec, NobodyCanChangeIt) {
  auto fd = stage_spec(example(), Dirs{});
  ASSERT_TRUE(fd);
  EXPECT_EQ(::pwrite(fd->get(), "x", 1, 0), -1);
  EXPECT_EQ(::ftruncate(fd->get(), 0), -1);
  EXPECT_EQ(::fcntl(fd->get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
}

TEST(StageSpec, RefusesMoreThanAKeeperReads) {
  Admitted run = example();
  run.argv.assign(run::kMaxWords + 1, "x");
  EXPECT_FALSE(stage_spec(run, Dirs{}));
  run = example();
  run.image.layers.assign(run::kMaxLayers + 1, "/x");
  EXPECT_FALSE(stage_spec(run, Dirs{}));
}

}  // namespace
}  // namespace recap::capsule
