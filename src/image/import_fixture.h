// SPDX-License-Identifier: Apache-2.0
// For the tests of this layer: images made by hand, and a store to import them into.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "image/gc.h"
#include "image/importer.h"
#include "image/manifest.h"
#include "image/prepared.h"
#include "image/test_support.h"

namespace recap::image::testing {

struct Source {
  std::vector<std::string> layers;  // tar bytes, bottom first
  std::string process = R"("Cmd":["/bin/x"],"User":"app")";
  std::string name = "tools/x:1";
  std::string architecture = std::string(host_architecture());
};

inline std::string passwd_layer() {
  return Tar()
      .file("etc/passwd", "root:x:0:0::/:\napp:x:7:8::/:\n")
      .file("bin/x", "#!", 0755)
      .bytes();
}

inline std::string config_of(const Source& source) {
  std::string ids;
  for (const std::string& layer : source.layers) {
    ids += (ids.empty() ? "\"" : ",\"") + digest_of(layer).text() + "\"";
  }
  return fmt::format(
      R"({{"os":"linux","architecture":"{}","config":{{{}}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
      source.architecture, source.process, ids);
}

inline std::string describe(std::string_view type, const std::string& blob,
                            const std::string& more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", type,
                     digest_of(blob).text(), blob.size(), more);
}

class Import : public ::testing::Test {
 protected:
  void put_blob(const std::string& blob) {
    write_file(layout_ + "/blobs/sha256/" + digest_of(blob).hex(), blob);
  }
  // Writes the image's blobs; its manifest's descriptor is the result.
  std::string put_image(const Source& source, const std::string& more = "") {
    std::string layers;
    for (const std::string& layer : source.layers) {
      put_blob(layer);
      layers += (layers.empty() ? "" : ",") + describe(kOciLayerType, layer);
    }
    const std::string config = config_of(source);
    put_blob(config);
    manifest_ = fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]}})",
                            describe(kOciConfigType, config), layers);
    put_blob(manifest_);
    const std::string name =
        source.name.empty()
            ? ""
            : fmt::format(R"(,"annotations":{{"org.opencontainers.image.ref.name":"{}"}})",
                          source.name);
    return describe(kOciManifestType, manifest_, name + more);
  }
  void put_index(const std::string& entries) {
    write_file(layout_ + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    write_file(layout_ + "/index.json",
               fmt::format(R"({{"schemaVersion":2,"manifests":[{}]}})", entries));
  }
  void put_layout(const Source& source) { put_index(put_image(source)); }

  base::Result<std::vector<Imported>> import(const std::string& path, const std::string& name = "",
                                             const Limits& limits = {}) {
    auto store = Store::open(store_, Lock::kShared);
    if (!store) {
      return store.error();
    }
    return import_path(*store, path, name, limits,
                       [this](std::string_view line) { notices_.emplace_back(line); });
  }
  // Nothing half-done is in the store.
  void expect_clean() {
    EXPECT_TRUE(std::filesystem::is_empty(store_ + "/tmp"));
    for (const auto& blob : std::filesystem::directory_iterator(store_ + "/blobs/sha256")) {
      EXPECT_EQ(digest_of(read_file(blob.path())).hex(), blob.path().filename());
    }
  }
  std::size_t count(const std::string& folder) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(store_ + "/" + folder),
                      std::filesystem::directory_iterator()));
  }
  Removed collect(bool dry_run = false) {
    auto store = Store::open(store_, Lock::kExclusive);
    return *collect_garbage(*store, dry_run);
  }
  base::Result<Removed> rmi(const std::string& reference) {
    auto store = Store::open(store_, Lock::kExclusive);
    return remove_image(*store, reference);
  }

  TempDir dir_;
  std::string layout_ = dir_ / "layout";
  std::string store_ = dir_ / "data/store";
  std::string manifest_;
  std::vector<std::string> notices_;
};

}  // namespace recap::image::testing
