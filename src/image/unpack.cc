// SPDX-License-Identifier: Apache-2.0
#include "image/unpack.h"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <set>

#include "image/files.h"
#include "image/inflate.h"
#include "image/layer_tree.h"
#include "image/printable.h"
#include "linux/fs.h"
#include "run/wire.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

// The record is an attribute of the layer's directory, so that one rename puts both in place. An
// overlay shows it to nobody but the host's root.
constexpr const char* kRecordXattr = "trusted.recap.layer";
constexpr std::uint32_t kRecordVersion = 1;
constexpr std::size_t kRecordBytes = 64;

Status write_record(int dir, const LayerRecord& record) {
  std::array<std::byte, kRecordBytes> buffer{};
  run::Writer out(buffer);
  out.number(kRecordVersion);
  out.number(record.bytes);
  out.number(static_cast<std::uint8_t>(record.root_is_opaque));
  const auto written = out.written();
  return linux::set_xattr(
             dir, kRecordXattr,
             std::string_view(reinterpret_cast<const char*>(written.data()), written.size()))
      .context("the store's filesystem cannot hold trusted attributes; use ext4, xfs or btrfs");
}

// Sorted, so that two imports that need the same layers cannot wait for each other.
Result<std::vector<UniqueFd>> lock_layers(const Store& store, const std::set<Digest>& layers) {
  std::vector<UniqueFd> out;
  for (const Digest& layer : layers) {
    out.push_back(RECAP_TRY(lock_file(store.root().get(), path_in(kLocksDir, layer))));
  }
  return out;
}

Status verify(Inflate& stream, const Store& store, const LayerSource& layer) {
  const bool blob_is_good = stream.bytes_in() == layer.size && stream.digest_in() == layer.blob;
  if (!blob_is_good) {
    RECAP_TRY(store.remove_blob(layer.blob));
    return failure(Kind::kCorrupt, "blob ", layer.blob.text(),
                   " was damaged and has been removed: pull or import the image again");
  }
  if (stream.digest_out() != layer.diff_id) {
    return failure(Kind::kCorrupt, "the content of layer ", layer.blob.text(),
                   " is not what the image's config promises (", layer.diff_id.text(), ")");
  }
  return {};
}

Status put_in_place(Store& store, const std::vector<Digest>& unpacked) {
  if (unpacked.empty() && !store.has_new_blobs()) {
    return {};
  }
  RECAP_TRY(store.sync());
  RECAP_TRY(store.publish_blobs());
  const DirFd layers = RECAP_TRY(linux::open_dir_at(store.root().get(), kLayersDir));
  for (const Digest& layer : unpacked) {
    const std::string name = layer.hex();
    RECAP_TRY(remove_tree(layers.get(), name.c_str()));  // one without a record
    RECAP_TRY(rename_between(store.workspace().get(), name.c_str(), layers.get(), name.c_str()));
  }
  return sync_file(layers.get());
}

void spend(std::uint64_t& left, std::uint64_t amount) { left -= std::min(left, amount); }

// What the layers before it have left to the next one.
Limits left_of(const Limits& limits, const Store& store, std::span<const LayerSource> layers) {
  Limits left = limits;
  for (const LayerSource& layer : layers) {
    if (const auto known = read_layer_record(store.root(), layer.diff_id)) {
      spend(left.max_bytes, known->bytes);
    }
  }
  return left;
}

Status unpack_missing(Store& store, std::span<const LayerSource> layers, const Limits& limits,
                      const LayerReport& report) {
  std::set<Digest> missing;
  for (const LayerSource& layer : layers) {
    if (!read_layer_record(store.root(), layer.diff_id)) {
      missing.insert(layer.diff_id);
    }
  }
  const auto locks = RECAP_TRY(lock_layers(store, missing));
  std::vector<Digest> unpacked;
  Limits left = left_of(limits, store, layers);
  for (const LayerSource& layer : layers) {
    // Somebody else may have unpacked it while we waited for the lock.
    if (missing.erase(layer.diff_id) == 0 || read_layer_record(store.root(), layer.diff_id)) {
      continue;
    }
    const LayerCounts counts = RECAP_TRY(unpack_apart(store, layer, left));
    spend(left.max_bytes, counts.bytes);
    spend(left.max_entries, counts.entries);
    report(layer.diff_id, counts);
    unpacked.push_back(layer.diff_id);
  }
  return put_in_place(store, unpacked);
}

}  // namespace

Result<LayerCounts> unpack_apart(const Store& store, const LayerSource& layer,
                                 const Limits& limits) {
  const UniqueFd blob = RECAP_TRY(store.open_blob(layer.blob, layer.size));
  const std::string name = layer.diff_id.hex();
  RECAP_TRY(remove_tree(store.workspace().get(), name.c_str()));
  RECAP_TRY(linux::make_dir_at(store.workspace().get(), name.c_str(), 0755));
  LayerTree tree(RECAP_TRY(linux::open_dir_at(store.workspace().get(), name.c_str())));
  RECAP_TRY(set_mode(tree.root().get(), 0755));
  Inflate stream(blob.get(), limits);
  auto counts = unpack_layer(stream, tree, limits);
  if (!counts) {
    // A damaged blob and a hostile layer look alike from inside; the digest tells them apart.
    if (counts.error().kind() == Kind::kCorrupt && stream.drain()) {
      RECAP_TRY(verify(stream, store, layer));
    }
    return std::move(counts).context("layer " + layer.blob.text().substr(0, 19));
  }
  RECAP_TRY(verify(stream, store, layer));
  RECAP_TRY(write_record(tree.root().get(), {counts->bytes, tree.root_is_opaque()}));
  return counts;
}

Result<LayerRecord> read_layer_record(const DirFd& store_root, const Digest& diff_id) {
  const DirFd dir =
      RECAP_TRY(linux::open_dir_at(store_root.get(), path_in(kLayersDir, diff_id).c_str()));
  std::array<std::byte, kRecordBytes> buffer{};
  const ssize_t size = fgetxattr(dir.get(), kRecordXattr, buffer.data(), buffer.size());
  run::Reader in(std::span(buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size)));
  const auto version = in.number<std::uint32_t>();
  LayerRecord out;
  out.bytes = in.number<std::uint64_t>();
  out.root_is_opaque = in.number<std::uint8_t>() != 0;
  if (!in.at_end() || version != kRecordVersion) {
    return failure(Kind::kNotFound, "layer ", diff_id.text(), " is not complete");
  }
  return out;
}

Result<std::vector<LayerRecord>> ensure_layers(Store& store, std::span<const LayerSource> layers,
                                               const Limits& limits, const LayerReport& report) {
  RECAP_TRY(unpack_missing(store, layers, limits, report));
  std::vector<LayerRecord> out;
  for (const LayerSource& layer : layers) {
    out.push_back(RECAP_TRY(read_layer_record(store.root(), layer.diff_id)));
  }
  return out;
}

}  // namespace recap::image
