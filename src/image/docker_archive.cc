// SPDX-License-Identifier: Apache-2.0
// manifest.json of a docker archive, and the OCI manifest that we make of it. The config is taken
// as it is (the two formats agree in all that is read), the layers by the digest of their bytes.
#include <array>

#include "image/files.h"
#include "image/inflate.h"
#include "image/json.h"
#include "image/printable.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "image/source.h"
#include "linux/fs.h"

namespace recap::image {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using linux::UniqueFd;

namespace {

Result<const ArchiveSource::File*> file_named(const ArchiveSource& source,
                                              const std::string& name) {
  const ArchiveSource::File* file = source.find(name);
  if (file == nullptr) {
    return failure(Kind::kCorrupt, "the archive lacks '", printable(name),
                   "', which its manifest.json names");
  }
  return file;
}

json::object describe(std::string_view media_type, const ArchiveSource::File& file) {
  return {
      {"mediaType", std::string(media_type)}, {"digest", file.digest.text()}, {"size", file.size}};
}

Result<std::string> layer_type(ArchiveSource& source, const std::string& name) {
  const UniqueFd fd = RECAP_TRY(source.open(name));
  std::array<std::byte, 8> start{};
  const std::size_t size = RECAP_TRY(linux::read_all(fd.get(), start));
  std::string type(kOciLayerType);
  switch (compression_of(std::span(start.data(), size))) {
    case Compression::kGzip:
      return type.append("+gzip");
    case Compression::kZstd:
      return type.append("+zstd");
    default:
      return type;
  }
}

Result<std::string> make_manifest(ArchiveSource& source, const json::object& image) {
  const std::string config_name = RECAP_TRY(text_of(image, "Config"));
  const ArchiveSource::File* config = RECAP_TRY(file_named(source, config_name));
  json::array layers;
  for (const std::string& name : RECAP_TRY(words_of(image, "Layers"))) {
    const ArchiveSource::File* file = RECAP_TRY(file_named(source, name));
    const std::string type = RECAP_TRY(layer_type(source, name));
    layers.push_back(describe(type, *file));
  }
  const json::object manifest{{"schemaVersion", 2},
                              {"mediaType", std::string(kOciManifestType)},
                              {"config", describe(kOciConfigType, *config)},
                              {"layers", layers}};
  return json::serialize(manifest);
}

Result<FoundImage> image_of(ArchiveSource& source, const json::object& image) {
  FoundImage out;
  out.manifest_text = RECAP_TRY(make_manifest(source, image));
  out.manifest.media_type = kOciManifestType;
  out.manifest.size = out.manifest_text.size();
  out.manifest.digest = Sha256::of(std::as_bytes(std::span(out.manifest_text)));
  for (const std::string& tag : RECAP_TRY(words_of(image, "RepoTags"))) {
    out.names.push_back(RECAP_TRY(parse_reference(tag)).canonical());
  }
  return out;
}

}  // namespace

Result<std::vector<FoundImage>> images_of_docker_archive(ArchiveSource& source) {
  const UniqueFd fd = RECAP_TRY(source.open("manifest.json"));
  const std::string text = RECAP_TRY(read_bounded(fd.get(), kMaxJsonBytes, "manifest.json"));
  const json::array images = RECAP_TRY(parse_array(text, "manifest.json"));
  std::vector<FoundImage> out;
  for (const json::value& image : images) {
    const json::object* object = RECAP_TRY(as_object(image));
    out.push_back(RECAP_TRY(image_of(source, *object)));
  }
  if (out.empty()) {
    return Error(Kind::kNotFound, "there is no image in it");
  }
  return out;
}

}  // namespace recap::image
