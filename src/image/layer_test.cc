// SPDX-License-Identifier: Apache-2.0
// What a hostile layer tries, one by one. Beside the layer's directory lies a canary that no layer
// may touch.
#include "image/layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "image/files.h"
#include "image/test_support.h"
#include "linux/fs.h"

namespace recap::image {
namespace {

namespace fs = std::filesystem;
using testing::file_with;
using testing::read_file;
using testing::Tar;
using testing::TempDir;

class Layer : public ::testing::Test {
 protected:
  Layer() {
    testing::write_file(dir_ / "canary", "untouched");
    fs::create_directory(dir_ / "layer");
  }

  base::Result<LayerCounts> unpack(const std::string& bytes) {
    const linux::UniqueFd blob = file_with(bytes);
    Inflate stream(blob.get(), limits_);
    LayerTree tree(*linux::open_dir_at(linux::kCwd, (dir_ / "layer").c_str()));
    auto counts = unpack_layer(stream, tree, limits_);
    root_is_opaque_ = tree.root_is_opaque();
    digest_ = stream.digest_out();
    return counts;
  }
  LayerCounts good(const Tar& tar) {
    const auto counts = unpack(tar.bytes());
    EXPECT_TRUE(counts) << counts.error().message();
    return counts ? *counts : LayerCounts{};
  }
  void refused(const Tar& tar) {
    const auto counts = unpack(tar.bytes());
    EXPECT_FALSE(counts);
    expect_contained();
  }
  // Nothing outside the layer came to be or changed.
  void expect_contained() {
    EXPECT_EQ(read_file(dir_ / "canary"), "untouched");
    EXPECT_EQ(fs::hard_link_count(dir_ / "canary"), 1U);
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 2);
  }
  std::string at(const std::string& name) { return dir_ / ("layer/" + name); }
  struct stat stat_of(const std::string& name) {
    struct stat st{};
    EXPECT_EQ(lstat(at(name).c_str(), &st), 0) << name;
    return st;
  }
  bool exists(const std::string& name) {
    struct stat st{};
    return lstat(at(name).c_str(), &st) == 0;
  }
  bool hidden(const std::string& name) { return exists(name) && is_whiteout(stat_of(name)); }
  std::string xattr(const std::string& name, const char* key) {
    char value[64];
    const ssize_t size = lgetxattr(at(name).c_str(), key, value, sizeof value);
    return size < 0 ? "" : std::string(value, static_cast<std::size_t>(size));
  }
  bool opaque(const std::string& name) { return xattr(name, "trusted.overlay.opaque") == "y"; }

  TempDir dir_;
  Limits limits_;
  Digest digest_;
  bool root_is_opaque_ = false;
};

TEST_F(Layer, KeepsContentModeOwnerTimesAndLinks) {
  Tar tar;
  tar.add({.path = "./", .type = '5', .mode = 0755, .mtime = 11});
  tar.add({.path = "d/", .type = '5', .mode = 01777, .uid = 5, .gid = 6, .mtime = 22});
  tar.add({.path = "d/f", .content = "hello", .mode = 0640, .uid = 7, .gid = 8, .mtime = 33});
  tar.hardlink("d/g", "d/f");
  tar.add({.path = "d/s", .type = '2', .link = "../../outside", .mode = 0777, .uid = 9});
  tar.hardlink("s2", "d/s");
  const LayerCounts counts = good(tar);
  EXPECT_EQ(counts.entries, 6U);
  EXPECT_EQ(counts.bytes, 5U);
  EXPECT_EQ(digest_, testing::digest_of(tar.bytes()));
  EXPECT_EQ(read_file(at("d/g")), "hello");
  const struct stat file = stat_of("d/f");
  EXPECT_EQ(file.st_mode & 07777U, 0640U);
  EXPECT_EQ(file.st_uid, 7U);
  EXPECT_EQ(file.st_gid, 8U);
  EXPECT_EQ(file.st_mtime, 33);
  EXPECT_EQ(file.st_ino, stat_of("d/g").st_ino);
  EXPECT_EQ(stat_of("d").st_mode & 07777U, 01777U);
  EXPECT_EQ(stat_of("d").st_mtime, 22);
  EXPECT_EQ(stat_of("").st_mtime, 11);
  EXPECT_EQ(stat_of("d/s").st_uid, 9U);
  EXPECT_TRUE(S_ISLNK(stat_of("s2").st_mode));
  EXPECT_EQ(fs::read_symlink(at("d/s")), "../../outside");
  expect_contained();
}

TEST_F(Layer, NamesKeepTheirBytes) {
  const std::string decomposed = "e\xcc\x81";  // as some systems write é; no other form of it
  const std::string latin1 = "lat\xe9in";
  Tar tar;
  tar.add({.path = "x", .content = "1", .pax = {{"path", decomposed}}});
  tar.add(
      {.path = "x", .type = '2', .link = "y", .pax = {{"path", "link"}, {"linkpath", decomposed}}});
  tar.file(latin1, "2");
  good(tar);
  EXPECT_EQ(read_file(at(decomposed)), "1");
  EXPECT_EQ(read_file(at("link")), "1");
  EXPECT_EQ(read_file(at(latin1)), "2");
}

TEST_F(Layer, DotDotIsRefused) {
  for (const char* path : {"../x", "a/../../x", "a/..", "..", "/../x", "a/../b", "./../canary"}) {
    refused(Tar().file(path, "evil"));
    refused(Tar().directory(path));
    refused(Tar().symlink(path, "x"));
  }
}

TEST_F(Layer, AbsoluteNamesLandInside) {
  good(Tar().file("/abs", "1").file("//etc///./passwd", "2").hardlink("/hard", "/abs"));
  EXPECT_EQ(read_file(at("abs")), "1");
  EXPECT_EQ(read_file(at("etc/passwd")), "2");
  EXPECT_EQ(read_file(at("hard")), "1");
  expect_contained();
}

TEST_F(Layer, SymlinkParentsAreNeverFollowed) {
  refused(Tar().symlink("a", "..").file("a/canary", "evil"));
  refused(Tar().symlink("a", dir_.path()).file("a/canary", "evil"));
  refused(Tar().symlink("a", "b").directory("b").file("a/x", "evil"));
  refused(Tar().directory("d").symlink("d/l", "..").directory("d/l/new"));
  refused(Tar().symlink("l", "..").symlink("l/evil", "x"));
  refused(Tar().symlink("l", "..").file("l/.wh.canary", ""));
  refused(Tar().symlink("l", "..").file("l/.wh..wh.opq", ""));
  refused(Tar().file("f", "1").file("f/x", "evil"));
}

TEST_F(Layer, ASymlinkIsReplacedNotWrittenThrough) {
  good(Tar().symlink("a", "../canary").file("a", "mine"));
  EXPECT_TRUE(S_ISREG(stat_of("a").st_mode));
  expect_contained();
  good(Tar().symlink("d", "..").directory("d", 0700));
  EXPECT_TRUE(S_ISDIR(stat_of("d").st_mode));
  expect_contained();
}

TEST_F(Layer, HardlinksStayInTheLayer) {
  refused(Tar().hardlink("x", "../canary"));
  refused(Tar().hardlink("x", "/../canary"));
  refused(Tar().hardlink("x", dir_.path() + "/canary"));
  refused(Tar().hardlink("x", "/etc/shadow"));
  refused(Tar().symlink("l", "..").hardlink("x", "l/canary"));
  refused(Tar().directory("d").hardlink("x", "d"));
  refused(Tar().hardlink("x", "missing"));
  refused(Tar().file(".wh.gone", "").hardlink("x", "gone"));
  refused(Tar().hardlink("x", "."));
}

TEST_F(Layer, AHardlinkToASymlinkIsTheSymlink) {
  good(Tar().symlink("s", "../canary").hardlink("h", "s"));
  EXPECT_TRUE(S_ISLNK(stat_of("h").st_mode));
  // A file that takes the link's place does not write through it.
  good(Tar().symlink("t", "../canary").hardlink("i", "t").file("i", "evil"));
  expect_contained();
}

TEST_F(Layer, HardlinkToItselfKeepsTheFile) {
  good(Tar().file("a", "1").hardlink("a", "a"));
  EXPECT_EQ(read_file(at("a")), "1");
}

TEST_F(Layer, TheRootStaysADirectory) {
  for (const char* root : {"./", ".", "/", "//", "./."}) {
    refused(Tar().symlink(root, "/etc"));
    refused(Tar().file(root, "x"));
    refused(Tar().hardlink(root, "a"));
  }
  refused(Tar().file("", "x"));
}

TEST_F(Layer, WhiteoutsBecomeOverlays) {
  good(Tar().file("d/.wh.gone", "").file(".wh.top", "").directory("e").file("e/.wh..wh.opq", ""));
  EXPECT_TRUE(hidden("d/gone"));
  EXPECT_TRUE(hidden("top"));
  EXPECT_TRUE(opaque("e"));
  EXPECT_FALSE(opaque("d"));
  EXPECT_FALSE(exists("d/.wh.gone"));
  EXPECT_FALSE(exists("e/.wh..wh.opq"));
  EXPECT_FALSE(root_is_opaque_);
}

TEST_F(Layer, WhiteoutsDoNotTouchTheirOwnLayer) {
  good(Tar().file("a", "1").file(".wh.a", ""));
  EXPECT_EQ(read_file(at("a")), "1");
  good(Tar().file(".wh.b", "").file("b", "2"));
  EXPECT_EQ(read_file(at("b")), "2");
  good(Tar().directory("c").file("c/x", "3").file(".wh.c", ""));  // the lower c is gone
  EXPECT_TRUE(opaque("c"));
  EXPECT_EQ(read_file(at("c/x")), "3");
  good(Tar().file(".wh.d", "").file("d/x", "4"));
  EXPECT_TRUE(opaque("d"));
  EXPECT_EQ(read_file(at("d/x")), "4");
}

TEST_F(Layer, OpaqueCountsInAnyOrder) {
  good(Tar().file("a/x", "1").file("a/.wh..wh.opq", "").directory("a").file("a/y", "2"));
  EXPECT_TRUE(opaque("a"));
  EXPECT_TRUE(exists("a/x"));
  EXPECT_TRUE(exists("a/y"));
  good(Tar().file(".wh..wh.opq", "").file("z", "1"));
  EXPECT_TRUE(root_is_opaque_);
}

TEST_F(Layer, WhiteoutTricksAreRefused) {
  for (const char* name :
       {".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh...", ".wh.d/x", "d/.wh.e/x"}) {
    refused(Tar().directory("d").file(name, ""));
    EXPECT_TRUE(exists("d"));
  }
  good(Tar().directory("d").file("d/.wh..wh.x", "").file(".wh..wh.plnk/1", "").file("d/f", ""));
  EXPECT_TRUE(exists("d/f"));
  EXPECT_FALSE(exists("d/.wh.x"));
  EXPECT_FALSE(exists(".wh..wh.plnk"));
}

TEST_F(Layer, DevicesAndFifosAreLeftOut) {
  Tar tar;
  tar.add({.path = "block", .type = '4'}).add({.path = "char", .type = '3'});
  tar.add({.path = "fifo", .type = '6'}).file("f", "1");
  const LayerCounts counts = good(tar);
  EXPECT_EQ(counts.special_files, 3U);
  EXPECT_FALSE(exists("block"));
  EXPECT_FALSE(exists("char"));
  EXPECT_FALSE(exists("fifo"));
  EXPECT_TRUE(exists("f"));
}

TEST_F(Layer, SetuidAndCapabilitiesAreTakenOff) {
  Tar tar;
  tar.file("suid", "1", 04755).file("sgid", "1", 02755).file("both", "1", 06711);
  tar.add({.path = "caps",
           .content = "1",
           .mode = 0755,
           .pax = {{"SCHILY.xattr.security.capability", "\x01\x02\x03"}}});
  tar.directory("dir", 02775);
  const LayerCounts counts = good(tar);
  EXPECT_EQ(counts.setid_bits, 3U);
  EXPECT_EQ(counts.file_capabilities, 1U);
  EXPECT_EQ(stat_of("suid").st_mode & 07777U, 0755U);
  EXPECT_EQ(stat_of("sgid").st_mode & 07777U, 0755U);
  EXPECT_EQ(stat_of("both").st_mode & 07777U, 0711U);
  EXPECT_EQ(stat_of("dir").st_mode & 07777U, 02775U);  // says to whom new files belong, no more
  EXPECT_EQ(xattr("caps", "security.capability"), "");
}

TEST_F(Layer, OnlyUserAttributesAreKept) {
  Tar tar;
  tar.add({.path = "f",
           .content = "1",
           .pax = {{"SCHILY.xattr.user.note", "kept"},
                   {"SCHILY.xattr.user.overlay.opaque", "y"},
                   {"SCHILY.xattr.trusted.overlay.metacopy", "x"},
                   {"SCHILY.xattr.trusted.other", "x"},
                   {"SCHILY.xattr.security.selinux", "x"},
                   {"SCHILY.xattr.system.posix_acl_access", "x"}}});
  tar.add({.path = "d",
           .type = '5',
           .mode = 0755,
           .pax = {{"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                   {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                   {"SCHILY.xattr.trusted.overlay.whiteout", "y"}}});
  tar.add({.path = "./",
           .type = '5',
           .mode = 0755,
           .pax = {{"SCHILY.xattr.trusted.recap.layer", "x"},
                   {"SCHILY.xattr.trusted.overlay.redirect", "/etc"}}});
  good(tar);
  EXPECT_EQ(xattr("f", "user.note"), "kept");
  for (const char* name : {"f", "d", ""}) {
    char list[512];
    const ssize_t size = llistxattr(at(name).c_str(), list, sizeof list);
    const std::string keys(list, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    EXPECT_EQ(keys.find("overlay"), std::string::npos) << name;
    EXPECT_EQ(keys.find("trusted"), std::string::npos) << name;
  }
}

TEST_F(Layer, LaterEntriesWin) {
  good(Tar().directory("a").file("a/x", "1").file("a", "file"));
  EXPECT_EQ(read_file(at("a")), "file");
  good(Tar().file("b", "1").file("b", "22").directory("c", 0700).directory("c", 0711));
  EXPECT_EQ(read_file(at("b")), "22");
  EXPECT_EQ(stat_of("c").st_mode & 07777U, 0711U);
  // The directory that a cached descriptor stands for is gone and came back.
  good(Tar().file("p/q/x", "1").file("p", "file").directory("p").file("p/q/y", "2"));
  EXPECT_EQ(read_file(at("p/q/y")), "2");
  EXPECT_FALSE(exists("p/q/x"));
}

TEST_F(Layer, ImpossibleNamesAndOwnersAreRefused) {
  refused(Tar().add({.path = "x", .pax = {{"path", std::string(300, 'a')}}}));
  refused(Tar().add({.path = "x", .pax = {{"path", std::string(5000, 'a')}}}));
  std::string deep;
  for (int i = 0; i < 300; ++i) {
    deep += "d/";
  }
  refused(Tar().add({.path = "x", .pax = {{"path", deep + "f"}}}));
  refused(Tar().add({.path = "x", .pax = {{"uid", "4294967295"}}}));
  refused(Tar().add({.path = "x", .pax = {{"uid", "-1"}}}));
  refused(Tar().symlink("empty", ""));
}

TEST_F(Layer, LimitsHold) {
  limits_.max_entries = 10;
  Tar many;
  for (int i = 0; i < 11; ++i) {
    many.file("f" + std::to_string(i), "");
  }
  refused(many);
  limits_ = {};
  limits_.max_bytes = 10'000;
  refused(Tar().file("big", std::string(20'000, 'x')));
  limits_ = {};
  limits_.max_xattrs = 3;
  testing::TarItem item{.path = "x", .content = "1"};
  for (int i = 0; i < 4; ++i) {
    item.pax.emplace_back("SCHILY.xattr.user.a" + std::to_string(i), "v");
  }
  refused(Tar().add(item));
  limits_ = {};
  limits_.max_xattr_bytes = 100;
  refused(Tar().add({.path = "x", .pax = {{"SCHILY.xattr.user.a", std::string(200, 'v')}}}));
}

TEST_F(Layer, OneDirectoryListedOftenIsRememberedOnce) {
  limits_.max_directory_bytes = 10'000;
  const std::string name = std::string(80, 'n') + "/";
  Tar often;
  for (int i = 0; i < 1000; ++i) {
    often.add({.path = name, .type = '5', .mtime = i});
  }
  good(often);
  EXPECT_EQ(stat_of(name).st_mtime, 999);
  Tar many;
  for (int i = 0; i < 100; ++i) {
    many.add({.path = std::to_string(i) + name, .type = '5'});
  }
  const auto refused_for = unpack(many.bytes());
  ASSERT_FALSE(refused_for);
  EXPECT_NE(refused_for.error().message().find("more than 9 KiB"), std::string::npos);
}

TEST_F(Layer, ASparseFileCannotClaimMoreThanTheLimit) {
  limits_.max_bytes = 1 << 20;
  Tar tar;
  tar.add({.path = "sparse",
           .content = "1\n1099511627775\n1\n" + std::string(512 - 18, '\0') + "x",
           .pax = {{"GNU.sparse.major", "1"},
                   {"GNU.sparse.minor", "0"},
                   {"GNU.sparse.name", "sparse"},
                   {"GNU.sparse.realsize", "1099511627776"}}});
  refused(tar);
}

TEST_F(Layer, WhatIsReadOnlyInPartIsRefused) {
  // A pax header that the library warns of and then ignores: another reader might not.
  Tar tar;
  tar.add({.path = "pax", .type = 'x', .content = "99 path=../x\n"}).file("a", "1");
  refused(tar);
}

TEST_F(Layer, DamagedArchivesAreRefused) {
  const std::string whole = Tar().file("a", std::string(3000, 'x')).file("b", "2").bytes();
  for (const std::size_t size : {100U, 511U, 700U, 2000U, 4000U}) {
    EXPECT_FALSE(unpack(whole.substr(0, size))) << size;
  }
  std::string flipped = whole;
  flipped[20] = 'Z';  // the header's sum is wrong now
  EXPECT_FALSE(unpack(flipped));
  EXPECT_FALSE(unpack(std::string(4096, 'x')));
  EXPECT_FALSE(unpack("no archive"));
  expect_contained();
}

TEST_F(Layer, AnEmptyLayerIsALayer) {
  good(Tar());
  const auto nothing = unpack("");
  EXPECT_TRUE(nothing);
}

}  // namespace
}  // namespace recap::image
