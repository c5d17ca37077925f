// SPDX-License-Identifier: Apache-2.0
#include "capsule/admit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "linux/process.h"

namespace recap::capsule {
namespace {

using Words = std::vector<std::string>;

image::PreparedImage example_image() {
  image::PreparedImage image;
  image.reference = "tools";
  image.digest = "sha256:" + std::string(64, 'a');
  image.entrypoint = {"/entry", "-x"};
  image.command = {"default"};
  image.env = {"A=1", "PATH=/bin"};
  image.workdir = "/work";
  image.uid = 7;
  image.gid = 8;
  image.groups = {9};
  return image;
}

TEST(CommandLine, FollowsDockersRule) {
  RunRequest request;
  EXPECT_EQ(command_line(request, example_image()), (Words{"/entry", "-x", "default"}));
  request.words = {"a", "b c"};
  EXPECT_EQ(command_line(request, example_image()), (Words{"/entry", "-x", "a", "b c"}));
  request.entrypoint = "/bin/sh";
  EXPECT_EQ(command_line(request, example_image()), (Words{"/bin/sh", "a", "b c"}));
  request.words.clear();
  EXPECT_EQ(command_line(request, example_image()), (Words{"/bin/sh"}));
  request.entrypoint = "";
  request.words = {"ls"};
  EXPECT_EQ(command_line(request, example_image()), (Words{"ls"}));
}

TEST(Environment, OverridesTheImagesVariables) {
  RunRequest request;
  request.env = {{"A", "2"}, {"B", "x=y"}};
  const Words env = environment(request, example_image(), "/root");
  EXPECT_EQ(std::ranges::count(env, "A=1"), 0);
  EXPECT_EQ(std::ranges::count(env, "A=2"), 1);
  EXPECT_EQ(std::ranges::count(env, "B=x=y"), 1);
  EXPECT_EQ(std::ranges::count(env, "PATH=/bin"), 1);
  EXPECT_EQ(std::ranges::count(env, "HOME=/root"), 1);
}

TEST(Environment, HasAPathAlways) {
  image::PreparedImage image = example_image();
  image.env.clear();
  const Words env = environment({}, image, "/");
  EXPECT_TRUE(std::ranges::any_of(env, [](const auto& e) { return e.starts_with("PATH=/"); }));
  EXPECT_EQ(std::ranges::count(env, "HOME=/"), 1);
}

TEST(Workdir, OfTheMergedViewIsAPlaceOfTheImage) {
  image::PreparedImage image = example_image();
  image.layers = {testing::TempDir()};
  EXPECT_EQ(workdir_of({}, image, run::View::kTarget), "/work");
  EXPECT_EQ(workdir_of({}, image, run::View::kMerged), "/root");  // no layer has it
  const std::string work = testing::TempDir() + "/work";
  ::mkdir(work.c_str(), 0755);
  EXPECT_EQ(workdir_of({}, image, run::View::kMerged), "/work");
  ::rmdir(work.c_str());
  for (const char* shared : {"/", "", "/var/lib", "//home/app", "/./srv"}) {
    image.workdir = shared;
    EXPECT_EQ(workdir_of({}, image, run::View::kMerged), "/root") << shared;
  }
  RunRequest request;
  request.workdir = "/var/log";
  EXPECT_EQ(workdir_of(request, image, run::View::kMerged), "/var/log");
}

class Admission : public testing::Test {
 protected:
  // This process as the target: it shares all namespaces with process 1 or none of them.
  static targets::Pinned self() {
    targets::Pinned pinned;
    pinned.target.runtime = "process";
    pinned.target.name = "self";
    pinned.target.pid = static_cast<std::uint32_t>(::getpid());
    pinned.pidfd = *linux::open_pidfd(::getpid());
    return pinned;
  }
  static RunRequest request() {
    RunRequest request;
    request.allow_host_namespaces = true;
    return request;
  }
  const Dirs dirs_{.state = "/nonexistent", .data = "/nonexistent"};
};

TEST_F(Admission, OfAnUnknownImageGrantsNothingWhateverItsLabelsSay) {
  image::PreparedImage image = example_image();
  image.labels = {{"dev.recap.capabilities", "NET_RAW"}, {"dev.recap.view", "target"}};
  auto run = admit(request(), self(), image, dirs_);
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(run->grant.capabilities, policy::kNoCapability);
  EXPECT_EQ(run->grant.view, run::View::kNothing);
  EXPECT_EQ(run->function, "");
}

TEST_F(Admission, DecidesEveryDetail) {
  auto run = admit(request(), self(), example_image(), dirs_);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->run_id.size(), 12U);
  EXPECT_EQ(run->run_id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(run->name, run->run_id);
  EXPECT_EQ(run->workdir, "/work");
  EXPECT_EQ(run->user.uid, 7U);
  EXPECT_EQ(run->user.groups, std::vector<std::uint32_t>{9});
  EXPECT_FALSE(run->requester.empty());
  auto other = admit(request(), self(), example_image(), dirs_);
  EXPECT_NE(run->run_id, other->run_id);
}

TEST_F(Admission, AUserOfTheRequestHasNoneOfTheImagesGroups) {
  RunRequest with_user = request();
  with_user.user = "1000:1001";
  auto run = admit(with_user, self(), example_image(), dirs_);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->user.uid, 1000U);
  EXPECT_EQ(run->user.gid, 1001U);
  EXPECT_TRUE(run->user.groups.empty());
}

TEST_F(Admission, AUserOfTheRequestIsWhoTheImageSaysItIs) {
  const std::string layer = testing::TempDir() + "/user-layer";
  std::filesystem::create_directories(layer + "/etc");
  std::ofstream(layer + "/etc/passwd") << "root:x:0:0::/:\napp:x:1000:1001::/:\n";
  std::ofstream(layer + "/etc/group") << "wheel:x:10:app\n";
  image::PreparedImage image = example_image();
  image.layers = {layer};
  RunRequest with_user = request();
  with_user.user = "app";
  auto run = admit(with_user, self(), image, dirs_);
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(run->user, (image::ImageUser{1000, 1001, {10}}));
  for (const char* stranger : {"recap", "4294967295", "app:none", "app:", "1 "}) {
    with_user.user = stranger;
    run = admit(with_user, self(), image, dirs_);
    ASSERT_FALSE(run) << stranger;
    EXPECT_EQ(run.error().kind(), base::Kind::kInvalid) << stranger;
  }
  std::filesystem::remove_all(layer);
}

TEST_F(Admission, AUserOfTheImageGoesWithAReservedUidOnly) {
  for (const run::RunAs who : {run::RunAs::kTarget, run::RunAs::kRoot}) {
    RunRequest both = request();
    both.grant.run_as = who;
    both.user = "1000";
    auto run = admit(both, self(), example_image(), dirs_);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().kind(), base::Kind::kInvalid);
    both.user.reset();
    EXPECT_TRUE(admit(both, self(), example_image(), dirs_));
  }
}

TEST_F(Admission, RefusesAWorkdirThatCouldLeadOut) {
  for (const char* path : {"work", "", "/proc/self/fd/7"}) {
    RunRequest bad = request();
    bad.workdir = path;
    EXPECT_FALSE(admit(bad, self(), example_image(), dirs_)) << path;
  }
}

TEST_F(Admission, NeedsAProgram) {
  image::PreparedImage image = example_image();
  image.entrypoint.clear();
  image.command.clear();
  EXPECT_FALSE(admit(request(), self(), image, dirs_));
}

TEST_F(Admission, OfAProcessThatEndedIsRefused) {
  targets::Pinned gone = self();
  gone.target.pid = 4194304;  // above every kernel's highest pid
  auto run = admit(request(), std::move(gone), example_image(), dirs_);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind(), base::Kind::kGone);
}

}  // namespace
}  // namespace recap::capsule
