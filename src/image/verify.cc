// SPDX-License-Identifier: Apache-2.0
#include "image/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <span>
#include <vector>

#include "image/config.h"
#include "image/files.h"
#include "image/manifest.h"
#include "image/printable.h"
#include "image/sha256.h"
#include "image/tree_compare.h"
#include "image/unpack.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

class Verifier {
 public:
  Verifier(Store& store, const Notice& notice) : store_(store), notice_(notice) {}

  Result<Verified> run();

 private:
  Status look_at_blob(const Digest& digest);
  Status look_at_image(const Digest& digest);
  Status look_at_layer(const LayerSource& layer);
  Result<std::vector<LayerSource>> layers_of(const Digest& manifest);
  void damaged(const std::string& what, std::string_view why);

  Store& store_;
  const Notice& notice_;
  Verified found_;
  std::set<Digest> bad_blobs_, seen_layers_;
};

void Verifier::damaged(const std::string& what, std::string_view why) {
  ++found_.damaged;
  notice_(what + ": " + printable(why, 300));
}

Status Verifier::look_at_blob(const Digest& digest) {
  const UniqueFd blob = RECAP_TRY(open_in(store_.root(), kBlobsDir, digest));
  std::vector<std::byte> buffer(kReadBytes);
  Sha256 hash;
  while (true) {
    const auto n = linux::read_some(blob.get(), buffer);
    if (!n || *n == 0) {
      break;  // what could not be read is missing in the digest
    }
    hash.update(std::span(buffer.data(), *n));
    found_.bytes += *n;
  }
  ++found_.blobs;
  if (hash.finish() != digest) {
    bad_blobs_.insert(digest);
    damaged("blob " + digest.text(), "its content is not what its digest says");
  }
  return {};
}

Result<std::vector<LayerSource>> Verifier::layers_of(const Digest& digest) {
  const std::string text = RECAP_TRY(store_.read_manifest(digest));
  const Manifest manifest = RECAP_TRY(parse_known_manifest(text));
  const UniqueFd blob = RECAP_TRY(
      store_.open_blob(manifest.config.digest, manifest.config.size).context("its config"));
  const std::string config_text =
      RECAP_TRY(read_bounded(blob.get(), manifest.config.size, "a config"));
  const ImageConfig config = RECAP_TRY(parse_config(config_text));
  if (config.diff_ids.size() != manifest.layers.size()) {
    return failure(Kind::kCorrupt, "its manifest and its config do not agree");
  }
  std::vector<LayerSource> out;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    out.push_back({config.diff_ids[i], manifest.layers[i].digest, manifest.layers[i].size});
  }
  return out;
}

Status Verifier::look_at_layer(const LayerSource& layer) {
  if (bad_blobs_.contains(layer.blob) || !seen_layers_.insert(layer.diff_id).second) {
    return {};
  }
  ++found_.layers;
  const std::string name = "layer " + layer.diff_id.text();
  if (const auto record = read_layer_record(store_.root(), layer.diff_id); !record) {
    damaged(name, record.error().message());
    return {};
  }
  if (const auto unpacked = unpack_apart(store_, layer, Limits{}); !unpacked) {
    if (unpacked.error().kind() == Kind::kExhausted) {
      return unpacked.error();
    }
    damaged(name, unpacked.error().message());
    return {};
  }
  const std::string hex = layer.diff_id.hex();
  const DirFd found = RECAP_TRY(
      linux::open_dir_at(store_.root().get(), path_in(kLayersDir, layer.diff_id).c_str()));
  const DirFd expected = RECAP_TRY(linux::open_dir_at(store_.workspace().get(), hex.c_str()));
  const std::string difference = RECAP_TRY(first_difference(found, expected));
  if (!difference.empty()) {
    damaged(name, difference);
  }
  return remove_tree(store_.workspace().get(), hex.c_str());
}

Status Verifier::look_at_image(const Digest& digest) {
  ++found_.images;
  const auto stored = read_stored(store_.root(), digest);
  const auto layers = stored ? layers_of(digest) : stored.error();
  if (!layers) {
    damaged("image " + digest.text(), layers.error().message());
    return {};
  }
  std::set<Digest> described;
  for (const LayerSource& layer : *layers) {
    described.insert(layer.diff_id);
    RECAP_TRY(look_at_layer(layer));
  }
  for (const Digest& layer : stored->layers) {
    if (!described.contains(layer)) {
      damaged("image " + digest.text(), "it has a layer that its config does not name");
    }
  }
  return {};
}

Result<Verified> Verifier::run() {
  for (const Digest& blob : RECAP_TRY(digests_in(store_.root(), kBlobsDir))) {
    RECAP_TRY(look_at_blob(blob));
  }
  for (const Digest& image : RECAP_TRY(digests_in(store_.root(), kImagesDir))) {
    RECAP_TRY(look_at_image(image));
  }
  for (const auto& [name, digest] : RECAP_TRY(store_.refs())) {
    if (!read_stored(store_.root(), digest)) {
      damaged("reference " + printable(name, 250), "its image is not in the store");
    }
  }
  return found_;
}

}  // namespace

Result<Verified> verify_store(Store& store, const Notice& notice) {
  return Verifier(store, notice).run();
}

}  // namespace recap::image
