// SPDX-License-Identifier: Apache-2.0
#include "image/image_user.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "image/test_support.h"

namespace recap::image {
namespace {

using testing::TempDir;
using testing::write_file;

TEST(ParseId, OnlyPlainDecimal) {
  EXPECT_EQ(parse_id("0"), 0U);
  EXPECT_EQ(parse_id("1000"), 1000U);
  EXPECT_EQ(parse_id("4294967294"), 4294967294U);
  for (const std::string& bad :
       {std::string(), std::string("+0"), std::string("0x0"), std::string("-1"), std::string("00"),
        std::string("01"), std::string("1 "), std::string(" 1"), std::string("1\n"),
        std::string("4294967295"), std::string("4294967296"), std::string("18446744073709551616"),
        std::string("99999999999999999999999999"), std::string("root"), std::string("1a"),
        std::string("1\0", 2), std::string("١")}) {
    EXPECT_FALSE(parse_id(bad)) << bad;
  }
}

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# comment\n"
    "broken:x:1\n"
    "app:x:1000:1001::/:/bin/sh\n"
    "4294967296:x:0:0::/:/bin/sh\n"
    "007:x:7:7::/:/bin/sh\n"
    "huge:x:4294967295:0::/:/bin/sh\n"
    "app:x:0:0:second one does not count:/:/bin/sh\n";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "wheel:x:10:app,other\n"
    "audio:x:20:other,app\n"
    "twice:x:10:app\n"
    "app:x:1001:\n"
    "bad:x:-5:app\n";

ImageUser user(std::uint32_t uid, std::uint32_t gid, std::vector<std::uint32_t> groups = {}) {
  return {uid, gid, std::move(groups)};
}

TEST(ResolveUser, Table) {
  const std::pair<std::string, ImageUser> cases[] = {
      {"", user(0, 0)},
      {"root", user(0, 0)},
      {"0", user(0, 0)},
      {"app", user(1000, 1001, {10, 20})},
      {"1000", user(1000, 1001, {10, 20})},
      {"1000:5", user(1000, 5)},
      {"app:wheel", user(1000, 10)},
      {"app:7", user(1000, 7)},
      {"4242", user(4242, 0)},
      {"4242:audio", user(4242, 20)},
  };
  for (const auto& [text, want] : cases) {
    const auto got = resolve_user(text, kPasswd, kGroup);
    ASSERT_TRUE(got) << text << ": " << got.error().message();
    EXPECT_EQ(*got, want) << text;
  }
}

TEST(ResolveUser, NothingBecomesRootByAccident) {
  for (const std::string& bad :
       {std::string("4294967296"), std::string("4294967295"), std::string("007"), std::string("00"),
        std::string("nobody"), std::string("huge"), std::string("app:"), std::string("app:none"),
        std::string("app:4294967296"), std::string("+0"), std::string("-1"), std::string(" root"),
        std::string("root "), std::string("app:root:x"), std::string("broken"),
        std::string("root\0x", 6)}) {
    EXPECT_FALSE(resolve_user(bad, kPasswd, kGroup)) << bad;
  }
  EXPECT_FALSE(resolve_user("app", "", ""));
  EXPECT_EQ(*resolve_user("", "", ""), user(0, 0));
}

TEST(ResolveUser, AThousandGroupsAreRefused) {
  std::string group;
  for (int i = 1; i < 1000; ++i) {
    group += "g" + std::to_string(i) + ":x:" + std::to_string(i) + ":app\n";
  }
  EXPECT_FALSE(resolve_user("app", kPasswd, group));
  EXPECT_TRUE(resolve_user("app:app", kPasswd, kGroup));
}

class ImageFile : public ::testing::Test {
 protected:
  std::string read() {
    std::vector<linux::DirFd> layers;
    for (const char* layer : {"top", "middle", "bottom"}) {
      std::filesystem::create_directories(dir_ / layer);
      layers.emplace_back(open((dir_ / layer).c_str(), O_RDONLY | O_DIRECTORY));
    }
    const auto text = read_image_file(layers, "etc", "passwd");
    return text ? *text : "error";
  }
  TempDir dir_;
};

TEST_F(ImageFile, TopmostLayerThatHasItWins) {
  EXPECT_EQ(read(), "");
  write_file(dir_ / "bottom/etc/passwd", "bottom");
  EXPECT_EQ(read(), "bottom");
  write_file(dir_ / "middle/etc/passwd", "middle");
  write_file(dir_ / "top/etc/other", "");
  EXPECT_EQ(read(), "middle");
}

TEST_F(ImageFile, WhiteoutsAndOpaqueDirectoriesHide) {
  write_file(dir_ / "bottom/etc/passwd", "bottom");
  write_file(dir_ / "middle/etc/other", "");
  ASSERT_EQ(mknod((dir_ / "middle/etc/passwd").c_str(), S_IFCHR, makedev(0, 0)), 0);
  EXPECT_EQ(read(), "");
  std::filesystem::remove(dir_ / "middle/etc/passwd");
  EXPECT_EQ(read(), "bottom");
  ASSERT_EQ(setxattr((dir_ / "middle/etc").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  EXPECT_EQ(read(), "");
}

TEST_F(ImageFile, LinksDevicesAndEndlessFilesAreRefused) {
  std::filesystem::create_directories(dir_ / "top/etc");
  std::filesystem::create_symlink("/etc/passwd", dir_ / "top/etc/passwd");
  EXPECT_EQ(read(), "error");
  std::filesystem::remove(dir_ / "top/etc/passwd");
  ASSERT_EQ(mkfifo((dir_ / "top/etc/passwd").c_str(), 0600), 0);
  EXPECT_EQ(read(), "error");
  std::filesystem::remove(dir_ / "top/etc/passwd");
  write_file(dir_ / "top/etc/passwd", "");
  std::filesystem::resize_file(dir_ / "top/etc/passwd", std::uintmax_t{1} << 40);
  EXPECT_EQ(read(), "error");
}

TEST_F(ImageFile, ASymlinkedEtcIsNotFollowed) {
  write_file(dir_ / "bottom/etc/passwd", "bottom");
  std::filesystem::create_directories(dir_ / "top");
  std::filesystem::create_symlink("/etc", dir_ / "top/etc");
  EXPECT_EQ(read(), "");
}

}  // namespace
}  // namespace recap::image
