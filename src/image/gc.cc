// SPDX-License-Identifier: Apache-2.0
#include "image/gc.h"

#include <algorithm>

#include "image/files.h"
#include "image/manifest.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/unpack.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;

namespace {

struct Needed {
  std::set<Digest> layers, blobs;
};

// What the manifest blob of an image names. One that cannot be read names nothing: its image lives
// from its layers alone.
void add_blobs(const Store& store, const Digest& digest, std::set<Digest>& blobs) {
  blobs.insert(digest);
  const auto text = store.read_manifest(digest);
  const auto manifest = text ? parse_known_manifest(*text) : text.error();
  if (manifest) {
    blobs.insert(manifest->config.digest);
    for (const Descriptor& layer : manifest->layers) {
      blobs.insert(layer.digest);
    }
  }
}

Result<Needed> needed_by(const Store& store, const std::set<Digest>& images) {
  Needed out;
  for (const Digest& image : images) {
    const auto stored = read_stored(store.root(), image);
    if (!stored) {
      return stored.error();
    }
    out.layers.insert(stored->layers.begin(), stored->layers.end());
    add_blobs(store, image, out.blobs);
  }
  return out;
}

std::uint64_t blob_bytes(const Store& store, const Digest& digest) {
  const auto st = look_at(store.root().get(), path_in(kBlobsDir, digest).c_str());
  return st && *st ? static_cast<std::uint64_t>((*st)->st_size) : 0;
}

// A layer leaves the store with one rename; it is taken apart afterwards, without the lock.
Status move_out(const Store& store, const char* folder, const Digest& digest) {
  const DirFd dir = RECAP_TRY(linux::open_dir_at(store.root().get(), folder));
  const std::string name = digest.hex();
  const std::string moved = std::string(folder == kLayersDir ? "layer-" : "gone-") + name;
  return rename_between(dir.get(), name.c_str(), store.workspace().get(), moved.c_str());
}

// Lock files of layers: nobody holds one while the store is locked exclusively.
Status remove_layer_locks(const Store& store) {
  for (const Digest& digest : RECAP_TRY(digests_in(store.root(), kLocksDir))) {
    RECAP_TRY(remove_tree(store.root().get(), path_in(kLocksDir, digest).c_str()));
  }
  return {};
}

Status remove_unneeded(Store& store, const std::set<Digest>& keep, bool dry_run, Removed& removed) {
  const Needed needed = RECAP_TRY(needed_by(store, keep));
  for (const Digest& layer : RECAP_TRY(digests_in(store.root(), kLayersDir))) {
    if (needed.layers.contains(layer)) {
      continue;
    }
    const auto record = read_layer_record(store.root(), layer);
    removed.bytes += record ? record->bytes : 0;
    ++removed.layers;
    if (!dry_run) {
      RECAP_TRY(move_out(store, kLayersDir, layer));
    }
  }
  for (const Digest& blob : RECAP_TRY(digests_in(store.root(), kBlobsDir))) {
    if (needed.blobs.contains(blob)) {
      continue;
    }
    removed.bytes += blob_bytes(store, blob);
    ++removed.blobs;
    if (!dry_run) {
      RECAP_TRY(move_out(store, kBlobsDir, blob));
    }
  }
  return {};
}

// The images go first, then what only they needed: a crash in between leaves garbage, not holes.
Status remove_images(Store& store, const std::vector<Digest>& images, bool dry_run,
                     Removed& removed) {
  const auto all = RECAP_TRY(digests_in(store.root(), kImagesDir));
  std::set<Digest> keep(all.begin(), all.end());
  for (const Digest& image : images) {
    keep.erase(image);
    removed.images.push_back(image);
    if (!dry_run) {
      RECAP_TRY(remove_tree(store.root().get(), path_in(kImagesDir, image).c_str()));
    }
  }
  RECAP_TRY(remove_unneeded(store, keep, dry_run, removed));
  if (dry_run) {
    return {};
  }
  RECAP_TRY(remove_layer_locks(store));
  return store.write_index();
}

}  // namespace

Result<Removed> collect_garbage(Store& store, bool dry_run) {
  Removed removed;
  std::set<Digest> named;
  for (const auto& [reference, digest] : RECAP_TRY(store.refs())) {
    named.insert(digest);
  }
  const auto leases = RECAP_TRY(live_leases(store));
  std::vector<Digest> unused;
  for (const Digest& image : RECAP_TRY(digests_in(store.root(), kImagesDir))) {
    if (!named.contains(image) && !leases.contains(image)) {
      unused.push_back(image);
    }
  }
  RECAP_TRY(remove_images(store, unused, dry_run, removed));
  return removed;
}

Result<Removed> remove_image(Store& store, std::string_view reference) {
  const auto found = find(store.path(), reference);
  if (!found && found.error().kind() == Kind::kNotFound) {
    return failure(Kind::kNotFound, "there is no image '", printable(reference),
                   "' in the store: `recap images` lists what is there");
  }
  const PreparedImage image = RECAP_TRY(found);
  const Digest digest = Digest::parse(image.digest).value_or(Digest());
  const auto refs = RECAP_TRY(store.refs());
  const bool one_name = refs.contains(image.reference) && image.reference != image.digest;
  Removed removed;
  std::size_t others = 0;
  for (const auto& [name, target] : refs) {
    if (target == digest && one_name && name != image.reference) {
      ++others;
    } else if (target == digest) {
      removed.references.push_back(name);
    }
  }
  if (others == 0) {
    const auto leases = RECAP_TRY(live_leases(store));
    if (const auto users = leases.find(digest); users != leases.end()) {
      return failure(Kind::kBusy, "'", printable(reference), "' is used by run ",
                     *users->second.begin(), ": end it first with 'recap stop ",
                     *users->second.begin(), "'");
    }
  }
  for (const std::string& name : removed.references) {
    RECAP_TRY(store.remove_ref(name));
  }
  if (others == 0) {
    RECAP_TRY(remove_images(store, {digest}, false, removed));
  } else {
    RECAP_TRY(store.write_index());
  }
  return removed;
}

}  // namespace recap::image
