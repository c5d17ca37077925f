// SPDX-License-Identifier: Apache-2.0
// An upper directory as overlayfs leaves it, made by hand: root may make whiteouts anywhere.
#include "cli/layer_walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "cli/tree_copy.h"
#include "linux/fs.h"

namespace recap::cli {
namespace {

namespace fs = std::filesystem;

class Trees : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "recap-trees-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const char* dir : {"upper", "top", "bottom", "to"}) {
      fs::create_directory(root_ / dir);
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  void file(const fs::path& path, std::string_view text = "x") const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  [[nodiscard]] int whiteout(const fs::path& path) const {
    return ::mknod((root_ / path).c_str(), S_IFCHR, ::makedev(0, 0));
  }
  [[nodiscard]] linux::UniqueFd open(const fs::path& path, int flags = O_RDONLY) const {
    auto opened = linux::open_at(linux::kCwd, (root_ / path).c_str(), flags);
    EXPECT_TRUE(opened) << path;
    return opened ? std::move(*opened) : linux::UniqueFd();
  }
  [[nodiscard]] std::string diff(std::int64_t since_ns = 0) const {
    const std::string top = root_ / "top";
    const std::string bottom = root_ / "bottom";
    const std::string_view layers[] = {top, bottom};
    const linux::UniqueFd upper = open("upper", O_PATH | O_DIRECTORY);
    const auto changes = walk_upper(upper.get(), LowerLayers(layers), since_ns);
    std::string text;
    for (std::size_t i = 0; changes && i < changes->found.size(); ++i) {
      text += (*changes).found[i].kind;
      text += (*changes).found[i].path + " ";
    }
    return text;
  }

  fs::path root_;
};

TEST_F(Trees, DiffNamesAddedChangedDeleted) {
  file("bottom/etc/conf");
  file("bottom/etc/gone");
  file("top/work/keep");
  file("upper/etc/conf");
  file("upper/etc/new");
  file("upper/work/a/b");
  if (whiteout("upper/etc/gone") != 0) {
    GTEST_FAIL() << "this test makes device files and needs root";
  }
  EXPECT_EQ(diff(), "C/etc C/etc/conf D/etc/gone A/etc/new C/work A/work/a A/work/a/b ");
}

TEST_F(Trees, DiffSeesThroughLayers) {
  file("bottom/dir/hidden");
  file("bottom/file/hidden");
  ASSERT_EQ(whiteout("top/dir"), 0);
  file("top/file");  // a file where the layer below has a directory
  fs::create_directory_symlink("/etc", root_ / "bottom/link");
  file("upper/dir/hidden");
  file("upper/file/hidden");
  file("upper/link/passwd");
  EXPECT_EQ(diff(), "A/dir A/dir/hidden C/file A/file/hidden C/link A/link/passwd ");
}

TEST_F(Trees, DiffLeavesOutWhatTheKeeperMadeBeforeTheFunction) {
  file("upper/etc/hosts");
  struct stat info{};
  ASSERT_EQ(::stat((root_ / "upper/etc/hosts").c_str(), &info), 0);
  const std::int64_t made = info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec;
  EXPECT_EQ(diff(made), "");
  EXPECT_EQ(diff(made - 1).find("A/etc/hosts "), diff(made - 1).size() - 12);
}

TEST_F(Trees, DiffIsNotLedOutByLinks) {
  fs::create_directory_symlink("/", root_ / "upper/out");
  EXPECT_EQ(diff(), "A/out ");
}

TEST_F(Trees, CopyTakesFilesAndDirectoriesOnly) {
  file("upper/d/a", "alpha");
  file("upper/d/sub/b", "beta");
  fs::create_symlink("/etc/passwd", root_ / "upper/d/link");
  ASSERT_EQ(::mkfifo((root_ / "upper/d/pipe").c_str(), 0600), 0);
  TreeCopy copy(CopyLimits{}, std::nullopt);
  ASSERT_TRUE(copy.copy(open("upper/d").get(), open("to").get(), "e"));
  EXPECT_EQ(copy.left_out(), 2U);
  EXPECT_EQ(fs::file_size(root_ / "to/e/a"), 5U);
  EXPECT_EQ(fs::file_size(root_ / "to/e/sub/b"), 4U);
  EXPECT_FALSE(fs::exists(fs::symlink_status(root_ / "to/e/link")));
}

TEST_F(Trees, CopyDoesNotFollowLinksAtTheDestination) {
  file("upper/a", "alpha");
  file("canary", "untouched");
  fs::create_symlink(root_ / "canary", root_ / "to/a");
  fs::create_directory_symlink(root_ / "upper", root_ / "to/d");
  TreeCopy copy(CopyLimits{}, std::nullopt);
  EXPECT_FALSE(copy.copy(open("upper/a").get(), open("to").get(), "a"));
  EXPECT_FALSE(copy.copy(open("upper").get(), open("to").get(), "d"));
  EXPECT_FALSE(copy.copy(open("upper/a").get(), open("to").get(), "../canary"));
  EXPECT_EQ(fs::file_size(root_ / "canary"), 9U);
}

TEST_F(Trees, CopyDropsSetuidAndTruncates) {
  file("upper/a", "new");
  ASSERT_EQ(::chmod((root_ / "upper/a").c_str(), 06755), 0);
  file("to/b", "much longer than before");
  TreeCopy copy(CopyLimits{}, std::nullopt);
  ASSERT_TRUE(copy.copy(open("upper/a").get(), open("to").get(), "a"));
  ASSERT_TRUE(copy.copy(open("upper/a").get(), open("to").get(), "b"));
  struct stat info{};
  ASSERT_EQ(::stat((root_ / "to/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07000U, 0U);
  EXPECT_EQ(fs::file_size(root_ / "to/b"), 3U);
}

TEST_F(Trees, CopyStopsAtItsLimits) {
  file("upper/d/a", std::string(1000, 'x'));
  file("upper/d/b", std::string(1000, 'x'));
  TreeCopy bytes({.bytes = 1500}, std::nullopt);
  EXPECT_FALSE(bytes.copy(open("upper/d").get(), open("to").get(), "d"));
  TreeCopy names({.entries = 1}, std::nullopt);
  EXPECT_FALSE(names.copy(open("upper/d").get(), open("to").get(), "d"));
  fs::path deep = "upper/deep";
  for (int i = 0; i < 40; ++i) {
    deep /= "d";
  }
  file(deep / "f");
  TreeCopy depth({.depth = 30}, std::nullopt);
  EXPECT_FALSE(depth.copy(open("upper/deep").get(), open("to").get(), "deep"));
}

}  // namespace
}  // namespace recap::cli
