// SPDX-License-Identifier: Apache-2.0
// The store under many imports at once, kill -9 and a full disk; leases, rmi and gc.
#include "image/store.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "image/import_fixture.h"
#include "run/spec.h"

namespace recap::image::testing {
namespace {

void write_spec(const std::string& path, std::string_view digest) {
  std::vector<std::string_view> argv{"true"};
  run::Spec spec;
  spec.run_id = "run-1";
  spec.image.digest = digest;
  spec.argv = argv;
  std::vector<std::byte> buffer(65536);
  const auto size = run::encode(spec, buffer);
  ASSERT_TRUE(size);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(*size));
}

namespace fs = std::filesystem;

TEST_F(Import, FiftyAtOnceUnpackOnce) {
  std::string big;
  for (int i = 0; i < 50'000; ++i) {
    big += std::to_string(i);
  }
  put_layout({.layers = {passwd_layer(), Tar().file("big", big, 04755).bytes()}});
  std::vector<pid_t> children;
  for (int i = 0; i < 50; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      const auto images = import(layout_, "many:" + std::to_string(i));
      // The one who unpacked has a notice about the setuid file.
      _exit(!images ? 100 : notices_.empty() ? 0 : 1);
    }
    children.push_back(pid);
  }
  int unpacked = 0;
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_LE(WEXITSTATUS(status), 1);
    unpacked += WEXITSTATUS(status);
  }
  EXPECT_EQ(unpacked, 1);
  EXPECT_EQ(list(store_)->size(), 50U);
  expect_clean();
}

TEST_F(Import, KilledAtAnyMomentLeavesWholeLayersOrNone) {
  std::string big(3 << 20, 'x');
  put_layout({.layers = {passwd_layer(), Tar().file("big", big).bytes()}});
  for (int delay_us = 0; delay_us < 20'000; delay_us += 500) {
    fs::remove_all(store_);
    const pid_t pid = fork();
    if (pid == 0) {
      (void)import(layout_);
      _exit(0);
    }
    usleep(static_cast<useconds_t>(delay_us));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    const bool known = static_cast<bool>(find(store_, "tools/x:1"));
    const std::string layers = store_ + "/layers";
    for (const auto& layer :
         fs::exists(layers) ? fs::directory_iterator(layers) : fs::directory_iterator()) {
      const bool whole = fs::exists(layer.path() / "etc/passwd") ||
                         fs::file_size(layer.path() / "big") == big.size();
      EXPECT_TRUE(whole) << delay_us;
    }
    const auto again = import(layout_);
    ASSERT_TRUE(again) << delay_us << ": " << again.error().message();
    EXPECT_TRUE(find(store_, "tools/x:1"));
    expect_clean();
    if (known) {
      break;  // it was done before the signal
    }
  }
}

// In a mount namespace of its own: an import into a filesystem of `bytes`, then one into the same
// filesystem with room. 0 when the first left only whole things and the second went well.
int import_into_full_disk(const std::function<bool()>& import_once, const std::string& store,
                          std::size_t bytes, const std::string& layer) {
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", store.c_str(), "tmpfs", 0, fmt::format("mode=0700,size={}", bytes).c_str()) !=
          0) {
    return 10;
  }
  const bool fitted = import_once();
  const std::string unpacked = store + "/layers/" + layer;
  if (fs::exists(unpacked) && fs::file_size(unpacked + "/big") != 3U << 20) {
    return 11;
  }
  if (!fitted && fs::exists(store + "/tmp") && !fs::is_empty(store + "/tmp")) {
    return 12;
  }
  if (mount("", store.c_str(), nullptr, MS_REMOUNT, "mode=0700,size=64m") != 0) {
    return 13;
  }
  return !import_once() ? 14 : fitted ? 1 : 0;
}

TEST_F(Import, AFullDiskLeavesWholeLayersOrNone) {
  const std::string layer = Tar().file("big", std::string(3 << 20, 'x')).bytes();
  put_layout({.layers = {layer}, .process = ""});
  fs::create_directories(store_);
  int failed = 0;
  for (std::size_t kib = 64; kib < 10'000; kib += 700) {
    const pid_t pid = fork();
    if (pid == 0) {
      const auto import_once = [this] { return static_cast<bool>(import(layout_)); };
      _exit(import_into_full_disk(import_once, store_, kib << 10, digest_of(layer).hex()));
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_LE(WEXITSTATUS(status), 1) << kib << " KiB";
    failed += WEXITSTATUS(status) == 0 ? 1 : 0;
  }
  EXPECT_GT(failed, 3);
  EXPECT_LT(failed, 14);  // the larger ones had room
}

TEST_F(Import, ALayerWithoutItsRecordIsMadeAgain) {
  const std::string layer = passwd_layer();
  put_layout({.layers = {layer}});
  ASSERT_TRUE(import(layout_));
  const std::string path = store_ + "/layers/" + digest_of(layer).hex();
  fs::remove_all(path);
  write_file(path + "/etc/passwd", "half");
  ASSERT_TRUE(import(layout_));
  EXPECT_NE(read_file(path + "/etc/passwd"), "half");
}

TEST_F(Import, RemovingAndCollecting) {
  const std::string shared = passwd_layer();
  put_layout({.layers = {shared, Tar().file("one", "1").bytes()}, .name = "one:1"});
  ASSERT_TRUE(import(layout_));
  ASSERT_TRUE(import(layout_, "also:1"));
  fs::remove_all(layout_);
  put_layout({.layers = {shared, Tar().file("two", "2").bytes()}, .name = "two:1"});
  ASSERT_TRUE(import(layout_));
  EXPECT_EQ(count("layers"), 3U);
  EXPECT_EQ(collect().layers, 0U);

  ASSERT_TRUE(rmi("also:1"));  // another name is left
  EXPECT_TRUE(find(store_, "one:1"));
  EXPECT_EQ(count("layers"), 3U);
  const auto removed = rmi("one:1");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->images.size(), 1U);
  EXPECT_EQ(count("layers"), 2U);
  EXPECT_EQ(rmi("one:1").error().kind(), base::Kind::kNotFound);

  // A name that moved on leaves its old image to gc.
  fs::remove_all(layout_);
  put_layout({.layers = {Tar().file("three", "3").bytes()}, .process = "", .name = "two:1"});
  ASSERT_TRUE(import(layout_));
  EXPECT_EQ(collect(true).images.size(), 1U);
  EXPECT_EQ(count("layers"), 3U);
  EXPECT_EQ(collect().layers, 2U);
  EXPECT_EQ(count("layers"), 1U);
  EXPECT_EQ(count("images"), 1U);
  EXPECT_EQ(count("blobs/sha256"), 3U);
  EXPECT_TRUE(find(store_, "two:1"));
  expect_clean();
}

TEST_F(Import, LiveRunsKeepImages) {
  put_layout({.layers = {passwd_layer()}, .name = "x:1"});
  const Digest digest = (*import(layout_))[0].digest;
  const std::string state = dir_ / "state";
  fs::create_directories(state + "/runs/run-1");
  ASSERT_TRUE(hold(store_, digest.text(), state));
  write_spec(state + "/runs/run-1/spec", digest.text());
  EXPECT_EQ(rmi("x:1").error().kind(), base::Kind::kBusy);
  fs::remove(store_ + "/refs/docker.io+library+x=1");
  EXPECT_EQ(collect().images.size(), 0U);
  fs::remove_all(state + "/runs/run-1");
  EXPECT_EQ(collect().images.size(), 1U);
}

TEST_F(Import, AStoreThatOthersCanEnterIsRefused) {
  put_layout({.layers = {passwd_layer()}});
  fs::create_directories(store_);
  ASSERT_EQ(chmod(store_.c_str(), 0711), 0);
  const auto images = import(layout_);
  ASSERT_FALSE(images);
  EXPECT_EQ(images.error().kind(), base::Kind::kDenied);
}

}  // namespace
}  // namespace recap::image::testing
