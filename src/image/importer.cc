// SPDX-License-Identifier: Apache-2.0
#include "image/importer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/config.h"
#include "image/files.h"
#include "image/image_user.h"
#include "image/printable.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "image/unpack.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;
constexpr const char* kNewBlob = "new-blob";

// Copies `from` to a new blob, refusing it when digest or size are not the promised ones.
Status copy_blob(Store& store, int from, const Descriptor& blob) {
  const UniqueFd to = RECAP_TRY(create_file(store.workspace().get(), kNewBlob));
  std::vector<std::byte> buffer(kCopyBytes);
  Sha256 hash;
  std::uint64_t size = 0;
  while (true) {
    const std::size_t n = RECAP_TRY(linux::read_some(from, buffer));
    size += n;
    if (n == 0 || size > blob.size) {
      break;
    }
    const std::span<const std::byte> bytes(buffer.data(), n);
    hash.update(bytes);
    RECAP_TRY(linux::write_all(to.get(), bytes));
  }
  if (size != blob.size || hash.finish() != blob.digest) {
    return failure(Kind::kCorrupt, "blob ", blob.digest.text(),
                   " does not have the content that its digest promises");
  }
  return store.adopt_blob(kNewBlob, blob.digest);
}

Status fetch_blob(Store& store, ImageSource& source, const Descriptor& blob) {
  if (store.open_blob(blob.digest, blob.size) || RECAP_TRY(source.move_blob(store, blob.digest))) {
    return {};
  }
  const auto from = source.open_blob(blob.digest);
  if (!from) {
    return failure(Kind::kCorrupt, "blob ", blob.digest.text(), " is missing in the image");
  }
  return copy_blob(store, from->get(), blob);
}

Status keep_text(Store& store, const Descriptor& blob, std::string_view text) {
  if (store.open_blob(blob.digest, blob.size)) {
    return {};
  }
  const UniqueFd to = RECAP_TRY(create_file(store.workspace().get(), kNewBlob));
  RECAP_TRY(linux::write_text(to.get(), text));
  return store.adopt_blob(kNewBlob, blob.digest);
}

std::string counted(std::uint64_t count, std::string_view what) {
  std::string out;
  if (count != 0) {
    out.append(", ").append(std::to_string(count)).append(" ").append(what);
  }
  return out;
}

// One line about what a layer was not allowed to bring in; empty when it lost nothing.
std::string losses(const Digest& diff_id, const LayerCounts& counts) {
  std::string lost = counted(counts.special_files, "device nodes or FIFOs left out") +
                     counted(counts.setid_bits, "setuid or setgid files made ordinary") +
                     counted(counts.file_capabilities, "file capabilities taken off") +
                     counted(counts.attributes, "other attributes taken off");
  return lost.empty() ? lost : "layer " + diff_id.text().substr(0, 19) + ": " + lost.substr(2);
}

struct Layers {
  std::vector<Digest> top_first;  // each once, down to the one that hides the rest
  std::uint64_t bytes = 0;
};

// A layer that occurs twice counts where it is topmost: what it says there, it says of all below.
// (An overlay cannot have the same layer twice.)
Layers arrange(std::span<const LayerSource> sources, std::span<const LayerRecord> records) {
  Layers out;
  for (std::size_t i = sources.size(); i-- > 0;) {
    const Digest& layer = sources[i].diff_id;
    if (std::ranges::find(out.top_first, layer) == out.top_first.end()) {
      out.top_first.push_back(layer);
      out.bytes += records[i].bytes;
    }
    if (records[i].root_is_opaque) {
      break;
    }
  }
  return out;
}

Result<ImageUser> user_of(const Store& store, const ImageConfig& config, const Layers& layers) {
  std::vector<DirFd> dirs;
  for (const Digest& layer : layers.top_first) {
    dirs.push_back(
        RECAP_TRY(linux::open_dir_at(store.root().get(), path_in(kLayersDir, layer).c_str())));
  }
  return resolve_user_in(dirs, config.user).context("the image's USER");
}

Result<StoredImage> prepare(const Store& store, const Digest& digest, ImageConfig config,
                            Layers layers) {
  StoredImage out;
  const ImageUser user = RECAP_TRY(user_of(store, config, layers));
  out.image.digest = digest.text();
  out.image.entrypoint = std::move(config.entrypoint);
  out.image.command = std::move(config.command);
  out.image.env = std::move(config.env);
  out.image.workdir = std::move(config.workdir);
  out.image.user = std::move(config.user);
  out.image.uid = user.uid;
  out.image.gid = user.gid;
  out.image.groups = user.groups;
  out.image.labels = std::move(config.labels);
  out.image.size_bytes = layers.bytes;
  out.image.created_s = config.created_s;
  out.layers = std::move(layers.top_first);
  return out;
}

Result<std::vector<LayerSource>> match_layers(const Manifest& manifest, const ImageConfig& config) {
  if (config.diff_ids.size() != manifest.layers.size()) {
    return failure(Kind::kCorrupt, "the image's manifest has ", manifest.layers.size(),
                   " layers, but its config has ", config.diff_ids.size());
  }
  std::vector<LayerSource> out;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    out.push_back({config.diff_ids[i], manifest.layers[i].digest, manifest.layers[i].size});
  }
  return out;
}

Result<std::vector<Imported>> give_names(const Store& store, const Digest& digest,
                                         std::vector<std::string> names) {
  if (names.empty()) {
    names.push_back(digest.text());  // a name of its own, so that gc keeps it
  }
  std::vector<Imported> out;
  for (const std::string& name : names) {
    RECAP_TRY(store.write_ref(name, digest));
    out.push_back({name, digest});
  }
  RECAP_TRY(store.write_index());
  return out;
}

std::string base_name_of(const std::string& path) {
  std::string_view rest = path;
  while (rest.size() > 1 && rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  rest = rest.substr(rest.rfind('/') + 1);
  return std::string(rest.substr(0, rest.find('.')));
}

}  // namespace

Result<std::vector<Imported>> import_image(Store& store, ImageSource& source,
                                           const FoundImage& image, const Limits& limits,
                                           const Notice& notice) {
  const std::string manifest_text = image.manifest_text.empty()
                                        ? RECAP_TRY(read_small_blob(source, image.manifest))
                                        : image.manifest_text;
  const Manifest manifest = RECAP_TRY(parse_manifest(manifest_text, image.manifest.media_type));
  const std::string config_text = RECAP_TRY(read_small_blob(source, manifest.config));
  ImageConfig config = RECAP_TRY(parse_config(config_text));
  const auto layers = RECAP_TRY(match_layers(manifest, config));
  for (const Descriptor& layer : manifest.layers) {
    RECAP_TRY(fetch_blob(store, source, layer));
  }
  RECAP_TRY(keep_text(store, image.manifest, manifest_text));
  RECAP_TRY(keep_text(store, manifest.config, config_text));
  const auto records = RECAP_TRY(ensure_layers(
      store, layers, limits, [&notice](const Digest& diff_id, const LayerCounts& counts) {
        if (const std::string line = losses(diff_id, counts); !line.empty()) {
          notice(line);
        }
      }));
  StoredImage stored =
      RECAP_TRY(prepare(store, image.manifest.digest, std::move(config), arrange(layers, records)));
  stored.image.trust = image.trust;
  if (image.trust.empty()) {
    // What was once vouched for stays so: these are the same bytes.
    const auto known = read_stored(store.root(), image.manifest.digest);
    stored.image.trust = known ? known->image.trust : "";
  }
  RECAP_TRY(store.write_image(stored));
  return give_names(store, image.manifest.digest, image.names);
}

namespace {

struct Opened {
  std::unique_ptr<ImageSource> source;
  std::vector<FoundImage> images;
};

Result<Opened> open_archive(Store& store, int fd, std::string_view base_name,
                            const Limits& limits) {
  auto archive = RECAP_TRY(ArchiveSource::extract(store, fd, limits));
  Opened out;
  if (archive->find("oci-layout") != nullptr && archive->find("index.json") != nullptr) {
    out.images = RECAP_TRY(images_of_layout(*archive, base_name));
  } else if (archive->find("manifest.json") != nullptr) {
    out.images = RECAP_TRY(images_of_docker_archive(*archive));
  } else {
    return Error(Kind::kInvalid,
                 "it is neither an OCI archive nor a docker archive: make one with 'docker save', "
                 "'podman save' or 'skopeo copy'");
  }
  out.source = std::move(archive);
  return out;
}

Result<Opened> open_path(Store& store, const std::string& path, const Limits& limits,
                         const Confine& confine) {
  const std::string base_name = base_name_of(path);
  if (path == "-") {
    RECAP_TRY(confine ? confine(-1) : Status());
    return open_archive(store, 0, "stdin", limits);
  }
  const auto fd = linux::open_at(linux::kCwd, path.c_str(), O_RDONLY | O_NOCTTY);
  if (!fd) {
    return Error(fd.error().kind(), std::strerror(fd.error().errno_value()));
  }
  const struct statx st = RECAP_TRY(linux::stat_at(fd->get(), "", AT_EMPTY_PATH));
  RECAP_TRY(confine ? confine(S_ISDIR(st.stx_mode) ? fd->get() : -1) : Status());
  if (!S_ISDIR(st.stx_mode)) {
    return open_archive(store, fd->get(), base_name, limits);
  }
  Opened out;
  out.source = RECAP_TRY(open_layout_directory(path));
  if (!out.source->open("oci-layout")) {
    return Error(Kind::kInvalid, "it is no OCI layout: there is no oci-layout file in it");
  }
  out.images = RECAP_TRY(images_of_layout(*out.source, base_name));
  return out;
}

}  // namespace

Result<std::vector<Imported>> import_path(Store& store, const std::string& path,
                                          const std::string& name, const Limits& limits,
                                          const Notice& notice, const Confine& confine) {
  std::string canonical;
  if (!name.empty()) {
    canonical = RECAP_TRY(parse_reference(name)).canonical();
  }
  Opened opened = RECAP_TRY(open_path(store, path, limits, confine).context(printable(path)));
  if (!canonical.empty()) {
    if (opened.images.size() != 1) {
      return failure(Kind::kInvalid, printable(path), " holds ", opened.images.size(),
                     " images: leave --name away");
    }
    opened.images[0].names = {canonical};
  }
  std::vector<Imported> out;
  for (const FoundImage& image : opened.images) {
    const auto imported = RECAP_TRY(
        import_image(store, *opened.source, image, limits, notice).context(printable(path)));
    out.insert(out.end(), imported.begin(), imported.end());
  }
  return out;
}

}  // namespace recap::image
