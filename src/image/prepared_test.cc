// SPDX-License-Identifier: Apache-2.0
#include "image/prepared.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "image/reference.h"
#include "image/store_files.h"

namespace recap::image {
namespace {

namespace fs = std::filesystem;

StoredImage example(char digit) {
  StoredImage out;
  out.image.digest = "sha256:" + std::string(64, digit);
  out.image.entrypoint = {"/bin/sh", "-c"};
  out.image.command = {"", "two words", "new\nline"};
  out.image.env = {"PATH=/bin", "EMPTY="};
  out.image.workdir = "/work";
  out.image.user = "app:app";
  out.image.uid = 1000;
  out.image.gid = 4294967294;
  out.image.groups = {1, 2, 3};
  out.image.labels = {{"a", "b"}, {"c", ""}};
  out.image.size_bytes = 123456789012;
  out.image.created_s = 1700000000;
  out.layers = {*Digest::parse_hex(std::string(64, '1')), *Digest::parse_hex(std::string(64, '2'))};
  return out;
}

class PreparedImageTest : public ::testing::Test {
 protected:
  PreparedImageTest() {
    std::string name = "/tmp/recap-prepared-test-XXXXXX";
    root_ = mkdtemp(name.data());
    for (const char* folder : {kImagesDir, kRefsDir, kLeasesDir}) {
      fs::create_directory(fs::path(root_) / folder);
    }
  }
  ~PreparedImageTest() override { fs::remove_all(root_); }

  void add_image(char digit) {
    const auto bytes = encode_stored(example(digit));
    std::ofstream out(root_ + "/images/" + std::string(64, digit), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes->data()), static_cast<long>(bytes->size()));
  }
  void add_ref(const std::string& reference, char digit) {
    std::ofstream(root_ + "/refs/" +
                  reference_to_file_name(parse_reference(reference)->canonical()))
        << "sha256:" << std::string(64, digit) << "\n";
  }
  std::string found(const std::string& reference) {
    const auto image = find(root_, reference);
    return image ? image->digest.substr(7, 1) : std::string(image.error().message());
  }

  std::string root_;
};

TEST_F(PreparedImageTest, RoundTrip) {
  add_image('a');
  add_ref("recap/tool", 'a');
  const auto image = find(root_, "tool");
  ASSERT_TRUE(image);
  const PreparedImage want = example('a').image;
  EXPECT_EQ(image->reference, "docker.io/recap/tool:latest");
  EXPECT_EQ(image->digest, want.digest);
  EXPECT_EQ(image->entrypoint, want.entrypoint);
  EXPECT_EQ(image->command, want.command);
  EXPECT_EQ(image->env, want.env);
  EXPECT_EQ(image->workdir, want.workdir);
  EXPECT_EQ(image->user, want.user);
  EXPECT_EQ(image->uid, want.uid);
  EXPECT_EQ(image->gid, want.gid);
  EXPECT_EQ(image->groups, want.groups);
  EXPECT_EQ(image->labels, want.labels);
  EXPECT_EQ(image->size_bytes, want.size_bytes);
  EXPECT_EQ(image->created_s, want.created_s);
  ASSERT_EQ(image->layers.size(), 2U);
  EXPECT_EQ(image->layers[0], root_ + "/layers/" + std::string(64, '1'));
}

TEST_F(PreparedImageTest, EveryTruncationIsRefused) {
  const auto bytes = *encode_stored(example('a'));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_stored(std::span(bytes).first(size))) << size;
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_stored(longer));
}

TEST_F(PreparedImageTest, EveryChangedByteIsSurvived) {
  const auto bytes = *encode_stored(example('a'));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      auto damaged = bytes;
      damaged[i] ^= static_cast<std::byte>(change);
      (void)decode_stored(damaged);
    }
  }
}

TEST_F(PreparedImageTest, AnotherVersionSaysSo) {
  auto bytes = *encode_stored(example('a'));
  bytes[0] = std::byte{9};
  const auto decoded = decode_stored(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().kind(), base::Kind::kUnsupported);
}

TEST_F(PreparedImageTest, FindsByEveryKindOfReference) {
  add_image('a');
  add_image('b');
  add_ref("recap/tcpdump", 'a');
  add_ref("tcpdump", 'b');
  add_ref("localhost/mine:2", 'b');
  EXPECT_EQ(found("tcpdump"), "a");         // the function
  EXPECT_EQ(found("tcpdump:latest"), "b");  // the image
  EXPECT_EQ(found("recap/tcpdump"), "a");
  EXPECT_EQ(found("mine:2"), "b");
  EXPECT_EQ(found("sha256:" + std::string(64, 'b')), "b");
  EXPECT_EQ(found("tcpdump@sha256:" + std::string(64, 'b')), "b");
  EXPECT_EQ(found("localhost/mine@sha256:" + std::string(64, 'b')), "b");
  EXPECT_EQ(found("bbbbbb"), "b");
  EXPECT_EQ(found("sha256:aaaaaa"), "a");
}

// A policy may cover, or ask signatures of, all that has a name's beginning.
TEST_F(PreparedImageTest, ADigestDoesNotLendItselfToAnotherName) {
  add_image('a');
  add_ref("evil.example/x:1", 'a');
  const std::string digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(found("evil.example/x" + digest), "a");
  for (const char* name :
       {"good.example/x", "evil.example/y", "evil.example/x/x", "evil.example"}) {
    EXPECT_EQ(find(root_, name + digest).error().kind(), base::Kind::kNotFound) << name;
  }
}

TEST_F(PreparedImageTest, UnknownOnesAreNotFoundAndSayWhatToDo) {
  add_image('a');
  for (const std::string& unknown :
       {std::string("nope"), std::string("aaaaa"), std::string("abcdef"),
        "tcpdump@sha256:" + std::string(64, 'c'), "sha256:" + std::string(64, 'c')}) {
    const auto image = find(root_, unknown);
    ASSERT_FALSE(image) << unknown;
    EXPECT_EQ(image.error().kind(), base::Kind::kNotFound) << unknown;
    EXPECT_NE(image.error().message().find("recap pull"), std::string_view::npos);
  }
  EXPECT_EQ(find(root_ + "/missing", "nope").error().kind(), base::Kind::kNotFound);
}

TEST_F(PreparedImageTest, AmbiguousPrefixIsRefused) {
  const std::string hex = std::string(63, 'a') + "b";
  add_image('a');
  fs::copy_file(root_ + "/images/" + std::string(64, 'a'), root_ + "/images/" + hex);
  EXPECT_EQ(find(root_, "aaaaaa").error().kind(), base::Kind::kInvalid);
}

TEST_F(PreparedImageTest, AFileUnderAnothersNameIsRefused) {
  add_image('a');
  fs::rename(root_ + "/images/" + std::string(64, 'a'), root_ + "/images/" + std::string(64, 'b'));
  EXPECT_EQ(find(root_, "sha256:" + std::string(64, 'b')).error().kind(), base::Kind::kCorrupt);
}

TEST_F(PreparedImageTest, StoreThatOthersCanEnterIsRefused) {
  add_image('a');
  add_ref("x", 'a');
  ASSERT_EQ(chmod(root_.c_str(), 0755), 0);
  EXPECT_EQ(find(root_, "x").error().kind(), base::Kind::kDenied);
  EXPECT_FALSE(list(root_));
  ASSERT_EQ(chmod(root_.c_str(), 0700), 0);
  ASSERT_EQ(chown(root_.c_str(), 1000, 0), 0);
  EXPECT_EQ(find(root_, "x").error().kind(), base::Kind::kDenied);
}

TEST_F(PreparedImageTest, ListsNamedAndUnnamed) {
  add_image('a');
  add_image('b');
  add_ref("x:2", 'a');
  add_ref("x:1", 'a');
  const auto images = list(root_);
  ASSERT_TRUE(images);
  ASSERT_EQ(images->size(), 3U);
  EXPECT_EQ((*images)[0].reference, "docker.io/library/x:1");
  EXPECT_EQ((*images)[1].reference, "docker.io/library/x:2");
  EXPECT_EQ((*images)[2].reference, "sha256:" + std::string(64, 'b'));
  EXPECT_TRUE(list(root_ + "/missing")->empty());
}

TEST_F(PreparedImageTest, AHoldIsForAnImageThatIsThere) {
  add_image('a');
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_TRUE(hold(root_, digest, "/state"));
  EXPECT_EQ(hold(root_, "sha256:" + std::string(64, 'c'), "/state").error().kind(),
            base::Kind::kNotFound);
  EXPECT_FALSE(hold(root_, digest, "relative"));
  EXPECT_FALSE(hold(root_, "no digest", "/state"));
}

}  // namespace
}  // namespace recap::image
