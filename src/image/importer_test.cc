// SPDX-License-Identifier: Apache-2.0
// Whole imports, from layouts and archives made here, into a store of the test's own.
#include "image/importer.h"

#include <sys/stat.h>

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "image/import_fixture.h"

namespace recap::image::testing {
namespace {

namespace fs = std::filesystem;

TEST_F(Import, OciLayout) {
  put_layout({.layers = {passwd_layer(), Tar().file("new", "2", 04755).bytes()}});
  const auto images = import(layout_);
  ASSERT_TRUE(images) << images.error().message();
  ASSERT_EQ(images->size(), 1U);
  EXPECT_EQ((*images)[0].reference, "docker.io/tools/x:1");
  EXPECT_EQ((*images)[0].digest, digest_of(manifest_));
  const auto image = find(store_, "tools/x:1");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->uid, 7U);
  EXPECT_EQ(image->gid, 8U);
  EXPECT_EQ(image->command, std::vector<std::string>{"/bin/x"});
  ASSERT_EQ(image->layers.size(), 2U);
  EXPECT_EQ(read_file(image->layers[0] + "/new"), "2");
  EXPECT_EQ(read_file(image->layers[1] + "/bin/x"), "#!");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_NE(notices_[0].find("1 setuid"), std::string::npos);
  struct stat st{};
  ASSERT_EQ(stat(store_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0700U);
  expect_clean();
  ASSERT_TRUE(import(store_));  // the store is itself an OCI layout
}

TEST_F(Import, OciArchive) {
  put_layout({.layers = {passwd_layer()}});
  Tar tar;
  for (const auto& file : fs::recursive_directory_iterator(layout_)) {
    if (file.is_regular_file()) {
      tar.file(fs::relative(file.path(), layout_), read_file(file.path()));
    }
  }
  write_file(dir_ / "image.tar", tar.bytes());
  const auto images = import(dir_ / "image.tar", "localhost/other:2");
  ASSERT_TRUE(images) << images.error().message();
  EXPECT_EQ((*images)[0].digest, digest_of(manifest_));
  EXPECT_TRUE(find(store_, "other:2"));
  EXPECT_FALSE(find(store_, "tools/x:1"));
  expect_clean();
}

TEST_F(Import, DockerArchiveWithTwoImagesAndLinks) {
  const std::string base = passwd_layer();
  const std::string config = config_of({.layers = {base}});
  const std::string config2 = config_of({.layers = {base, base}});
  Tar tar;
  tar.file("a.json", config).file("b.json", config2).file("1/layer.tar", base);
  tar.symlink("2/layer.tar", "../1/layer.tar").hardlink("3.tar", "2/layer.tar");
  tar.file("manifest.json",
           R"([{"Config":"a.json","RepoTags":["x:1","localhost/y:2"],"Layers":["1/layer.tar"]},
               {"Config":"b.json","RepoTags":null,"Layers":["2/layer.tar","3.tar"]}])");
  write_file(dir_ / "image.tar", tar.bytes());
  const auto images = import(dir_ / "image.tar");
  ASSERT_TRUE(images) << images.error().message();
  ASSERT_EQ(images->size(), 3U);
  EXPECT_EQ(find(store_, "x:1")->digest, find(store_, "y:2")->digest);
  EXPECT_EQ((*images)[2].reference, (*images)[2].digest.text());
  EXPECT_EQ(find(store_, (*images)[2].reference)->layers.size(), 1U);  // the same twice
  EXPECT_FALSE(import(dir_ / "image.tar", "one/name"));
  collect();
  EXPECT_TRUE(find(store_, (*images)[2].reference));  // came without a name, is no garbage
  expect_clean();
}

TEST_F(Import, AnArchiveWithTwoManifestsIsRefused) {
  const std::string layer = passwd_layer();
  const std::string manifest = R"([{"Config":"c.json","RepoTags":["x:1"],"Layers":["l.tar"]}])";
  Tar tar;
  tar.file("c.json", config_of({.layers = {layer}})).file("l.tar", layer);
  tar.file("manifest.json", manifest);
  write_file(dir_ / "one.tar", tar.bytes());
  write_file(dir_ / "two.tar", tar.file("./manifest.json", manifest).bytes());
  EXPECT_FALSE(import(dir_ / "two.tar"));
  EXPECT_TRUE(import(dir_ / "one.tar"));
}

TEST_F(Import, LayersBelowAnOpaqueRootAreLeftOut) {
  put_layout({.layers = {passwd_layer(), Tar().file(".wh..wh.opq", "").file("f", "1").bytes()},
              .process = R"("User":"5")"});
  ASSERT_TRUE(import(layout_));
  EXPECT_EQ(find(store_, "tools/x:1")->layers.size(), 1U);
}

TEST_F(Import, ChoosesThisMachinesVariant) {
  const std::string other =
      put_image({.layers = {Tar().file("other", "").bytes()}, .name = "", .architecture = "s390x"},
                R"(,"platform":{"os":"linux","architecture":"s390x"})");
  const std::string mine = put_image(
      {.layers = {passwd_layer()}, .name = ""},
      fmt::format(R"(,"platform":{{"os":"linux","architecture":"{}"}})", host_architecture()));
  const std::string index = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{},{}]}})", kOciIndexType, other, mine);
  put_blob(index);
  put_index(describe(kOciIndexType, index,
                     R"(,"annotations":{"io.containerd.image.name":"docker.io/library/multi:3",
                         "org.opencontainers.image.ref.name":"3"})"));
  const auto images = import(layout_);
  ASSERT_TRUE(images) << images.error().message();
  EXPECT_EQ((*images)[0].reference, "docker.io/library/multi:3");
  EXPECT_EQ((*images)[0].digest, digest_of(manifest_));
  put_index(other);
  const auto foreign = import(layout_);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().kind(), base::Kind::kUnsupported);
}

TEST_F(Import, WhatIsNotWhatItPromisesLeavesNothing) {
  const std::string layer = passwd_layer();
  const auto spoil = [&](const std::string& blob, const std::string& content) {
    put_layout({.layers = {layer}});
    write_file(layout_ + "/blobs/sha256/" + digest_of(blob).hex(), content);
    const auto images = import(layout_);
    ASSERT_FALSE(images);
    EXPECT_EQ(images.error().kind(), base::Kind::kCorrupt) << images.error().message();
    EXPECT_EQ(count("layers"), 0U);
    EXPECT_EQ(count("images"), 0U);
    EXPECT_EQ(count("refs"), 0U);
    expect_clean();
  };
  std::string flipped = layer;
  flipped[600] ^= 1;
  spoil(layer, flipped);
  spoil(layer, layer + "x");
  spoil(layer, layer.substr(0, layer.size() - 1));
  spoil(layer, "");
  put_layout({.layers = {layer}});
  const std::string manifest = manifest_;
  spoil(manifest, manifest + " ");
  const std::string config = config_of({.layers = {layer}});
  std::string other_user = config;
  other_user.replace(other_user.find("\"app\""), 5, "\"123\"");
  spoil(config, other_user);
}

TEST_F(Import, ABadBlobOfAKnownLayerIsNotTaken) {
  const std::string layer = passwd_layer();
  put_layout({.layers = {layer}});
  ASSERT_TRUE(import(layout_));
  fs::remove(store_ + "/blobs/sha256/" + digest_of(layer).hex());
  std::string flipped = layer;
  flipped[600] ^= 1;
  write_file(layout_ + "/blobs/sha256/" + digest_of(layer).hex(), flipped);
  EXPECT_FALSE(import(layout_));
  expect_clean();
}

TEST_F(Import, AWrongDiffIdIsRefused) {
  Source source{.layers = {passwd_layer()}};
  const std::string wrong = Tar().file("other", "").bytes();
  put_layout(source);
  std::string config = config_of({.layers = {wrong}});
  put_blob(config);
  const std::string manifest =
      fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]}})",
                  describe(kOciConfigType, config), describe(kOciLayerType, source.layers[0]));
  put_blob(manifest);
  put_index(describe(kOciManifestType, manifest));
  const auto images = import(layout_);
  ASSERT_FALSE(images);
  EXPECT_EQ(images.error().kind(), base::Kind::kCorrupt);
  EXPECT_EQ(count("layers"), 0U);
  expect_clean();
}

TEST_F(Import, HostileLayersLeaveNothing) {
  put_layout({.layers = {passwd_layer(), Tar().file("../x", "evil").bytes()}});
  EXPECT_FALSE(import(layout_));
  EXPECT_EQ(count("layers"), 0U);
  EXPECT_EQ(count("images"), 0U);
  expect_clean();
}

TEST_F(Import, LayersCountTogether) {
  Source source;
  for (const char* name : {"a", "b", "c"}) {
    source.layers.push_back(Tar().file(name, std::string(30'000, *name)).bytes());
  }
  source.process = R"("Cmd":["/a"])";
  put_layout(source);
  Limits limits;
  limits.max_bytes = 80'000;  // each fits, and two
  EXPECT_FALSE(import(layout_, "", limits));
  expect_clean();
  limits = {};
  limits.max_entries = 2;
  EXPECT_FALSE(import(layout_, "", limits));
  limits.max_entries = 3;
  EXPECT_TRUE(import(layout_, "", limits));
}

TEST_F(Import, OtherThingsAreNoImages) {
  fs::create_directory(dir_ / "empty");
  write_file(dir_ / "text", "hello");
  write_file(dir_ / "zeros", std::string(100'000, '\0'));
  write_file(dir_ / "tar", Tar().file("x", "1").bytes());
  write_file(dir_ / "twice",
             Tar().file("manifest.json", "[]").file("./manifest.json", "[]").bytes());
  write_file(dir_ / "none", Tar().file("manifest.json", "[]").bytes());
  write_file(dir_ / "lacks",
             Tar().file("manifest.json", R"([{"Config":"../../etc/passwd","Layers":[]}])").bytes());
  write_file(dir_ / "loop", Tar().symlink("manifest.json", "manifest.json").bytes());
  for (const char* name :
       {"empty", "text", "zeros", "tar", "twice", "none", "lacks", "loop", "missing"}) {
    EXPECT_FALSE(import(dir_ / name)) << name;
  }
  EXPECT_FALSE(import("/dev/null"));
  EXPECT_FALSE(import(dir_ / "tar", "BAD NAME"));
  expect_clean();
}

}  // namespace
}  // namespace recap::image::testing
