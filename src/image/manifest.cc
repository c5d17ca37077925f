// SPDX-License-Identifier: Apache-2.0
#include "image/manifest.h"

#include <algorithm>
#include <array>

#include "image/json.h"
#include "image/printable.h"
#include "run/spec.h"

namespace recap::image {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kDockerIndexType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerConfigType = "application/vnd.docker.container.image.v1+json";
constexpr std::size_t kMaxIndexEntries = 4096;
constexpr std::uint64_t kMaxBlobBytes = std::uint64_t{1} << 40;

constexpr std::array<std::string_view, 5> kLayerTypes = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
};

Result<std::map<std::string, std::string>> annotations_of(const json::object& from) {
  std::map<std::string, std::string> out;
  const json::object* annotations = RECAP_TRY(object_of(from, "annotations"));
  if (annotations != nullptr) {
    for (const auto& pair : *annotations) {
      const std::string key(pair.key().data(), pair.key().size());
      out[key] = RECAP_TRY(text_of(*annotations, key));
    }
  }
  return out;
}

Result<Platform> platform_of(const json::object& from) {
  Platform out;
  const json::object* platform = RECAP_TRY(object_of(from, "platform"));
  if (platform != nullptr) {
    out.os = RECAP_TRY(text_of(*platform, "os"));
    out.architecture = RECAP_TRY(text_of(*platform, "architecture"));
    out.variant = RECAP_TRY(text_of(*platform, "variant"));
  }
  return out;
}

Result<Descriptor> descriptor_of(const json::object& from) {
  Descriptor out;
  out.media_type = RECAP_TRY(text_of(from, "mediaType"));
  const std::string digest = RECAP_TRY(text_of(from, "digest"));
  const auto parsed = Digest::parse(digest);
  if (!parsed) {
    return failure(Kind::kCorrupt, "'", printable(digest), "' is no sha256 digest");
  }
  out.digest = *parsed;
  out.size = RECAP_TRY(number_of(from, "size"));
  if (out.size > kMaxBlobBytes) {
    return failure(Kind::kCorrupt, "blob ", digest, " says to be larger than 1 TiB");
  }
  out.platform = RECAP_TRY(platform_of(from));
  out.annotations = RECAP_TRY(annotations_of(from));
  return out;
}

// The checks that index and manifest share: version, and that it is what it was announced as.
Status check_identity(const json::object& object, std::string_view announced, bool docker) {
  if (RECAP_TRY(number_of(object, "schemaVersion")) != 2) {
    return Error(Kind::kUnsupported,
                 "the image's manifest is not of schema version 2: push it again with a tool of "
                 "this decade");
  }
  const std::string own = RECAP_TRY(text_of(object, "mediaType"));
  if (own != announced && (docker || !own.empty())) {
    return failure(Kind::kCorrupt, "the image is ambiguous: a manifest announced as ",
                   printable(announced), " says to be ", printable(own));
  }
  return {};
}

Status check_layer(const Descriptor& layer) {
  if (layer.media_type.find("foreign") != std::string::npos ||
      layer.media_type.find("nondistributable") != std::string::npos) {
    return failure(Kind::kUnsupported, "layer ", layer.digest.text(),
                   " is not in the image (a foreign layer): rebuild the image without it");
  }
  if (std::ranges::find(kLayerTypes, layer.media_type) == kLayerTypes.end()) {
    return failure(Kind::kUnsupported, "layer ", layer.digest.text(), " has the media type '",
                   printable(layer.media_type), "'; layers are tar, tar+gzip or tar+zstd");
  }
  return {};
}

std::string platform_name(const Platform& platform) {
  std::string out = platform.os;
  out += '/';
  out += platform.architecture;
  if (!platform.variant.empty()) {
    out += '/';
    out += platform.variant;
  }
  return printable(out, 40);
}

}  // namespace

bool is_index_type(std::string_view media_type) {
  return media_type == kOciIndexType || media_type == kDockerIndexType;
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kOciManifestType || media_type == kDockerManifestType;
}

Result<std::vector<Descriptor>> parse_index(std::string_view text, std::string_view media_type) {
  const json::object object = RECAP_TRY(parse_object(text, "the image index"));
  RECAP_TRY(check_identity(object, media_type, media_type == kDockerIndexType));
  const json::array* entries = RECAP_TRY(array_of(object, "manifests"));
  if (entries == nullptr || object.contains("layers") || object.contains("config")) {
    return Error(Kind::kCorrupt, "the image index is ambiguous: it must have manifests, no layers");
  }
  if (entries->size() > kMaxIndexEntries) {
    return failure(Kind::kInvalid, "the image index has more than ", kMaxIndexEntries, " entries");
  }
  std::vector<Descriptor> out;
  for (const json::value& entry : *entries) {
    const json::object* descriptor = RECAP_TRY(as_object(entry));
    out.push_back(RECAP_TRY(descriptor_of(*descriptor)));
  }
  return out;
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view media_type) {
  const json::object object = RECAP_TRY(parse_object(text, "the image manifest"));
  RECAP_TRY(check_identity(object, media_type, media_type == kDockerManifestType));
  const json::object* config = RECAP_TRY(object_of(object, "config"));
  const json::array* layers = RECAP_TRY(array_of(object, "layers"));
  if (config == nullptr || layers == nullptr || object.contains("manifests") ||
      object.contains("fsLayers")) {
    return Error(Kind::kCorrupt,
                 "the image manifest is ambiguous: it must have one config, layers, no manifests");
  }
  Manifest out;
  out.config = RECAP_TRY(descriptor_of(*config));
  if (out.config.media_type != kOciConfigType && out.config.media_type != kDockerConfigType) {
    return failure(Kind::kUnsupported,
                   "this is no container image: its config has the media type '",
                   printable(out.config.media_type), "'");
  }
  if (layers->empty() || layers->size() > run::kMaxLayers) {
    return failure(Kind::kUnsupported, "the image has ", layers->size(), " layers; 1 to ",
                   run::kMaxLayers, " are possible");
  }
  for (const json::value& entry : *layers) {
    const json::object* descriptor = RECAP_TRY(as_object(entry));
    out.layers.push_back(RECAP_TRY(descriptor_of(*descriptor)));
    RECAP_TRY(check_layer(out.layers.back()));
  }
  return out;
}

Result<Manifest> parse_known_manifest(std::string_view text) {
  const json::object object = RECAP_TRY(parse_object(text, "the image manifest"));
  const std::string said = RECAP_TRY(text_of(object, "mediaType"));
  return parse_manifest(text, said.empty() ? kOciManifestType : std::string_view(said));
}

std::string_view host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#else
  return "arm64";
#endif
}

bool may_run_here(const Descriptor& entry) {
  const Platform& platform = entry.platform;
  const bool any = platform.os.empty() && platform.architecture.empty();
  return any || (platform.os == "linux" && platform.architecture == host_architecture());
}

Result<Descriptor> choose_platform(const std::vector<Descriptor>& entries) {
  const Descriptor* best = nullptr;
  std::string there;
  for (const Descriptor& entry : entries) {
    if (!may_run_here(entry)) {
      there += (there.empty() ? "" : ", ") + platform_name(entry.platform);
      continue;
    }
    // A variant is a newer instruction set than the plain one needs; plain runs everywhere.
    if (best == nullptr || (entry.platform.variant.empty() && !best->platform.variant.empty())) {
      best = &entry;
    }
  }
  if (best == nullptr) {
    return failure(Kind::kUnsupported, "the image has no variant for linux/", host_architecture(),
                   there.empty() ? "" : "; it has ", printable(there, 200));
  }
  return *best;
}

}  // namespace recap::image
