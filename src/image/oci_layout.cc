// SPDX-License-Identifier: Apache-2.0
// OCI image layouts: index.json, and blobs by digest.
#include <fcntl.h>

#include <algorithm>
#include <memory>

#include "image/files.h"
#include "image/json.h"
#include "image/printable.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "image/source.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr int kMaxIndexDepth = 3;
constexpr const char* kRefName = "org.opencontainers.image.ref.name";
constexpr const char* kContainerdName = "io.containerd.image.name";

class LayoutDirectory : public ImageSource {
 public:
  explicit LayoutDirectory(DirFd root) : root_(std::move(root)) {}

  Result<UniqueFd> open(const std::string& name) override {
    const UniqueFd found = RECAP_TRY(linux::open_in_root(root_.get(), name.c_str(), O_PATH));
    return linux::reopen_regular(found.get());
  }

 private:
  DirFd root_;
};

bool looks_like_tag(std::string_view word) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return word == "latest" || (!word.empty() && digit(word[0])) ||
         (word.size() > 1 && word[0] == 'v' && digit(word[1]));
}

// "org.opencontainers.image.ref.name" is a whole reference with some tools, a name or just a tag
// with others.
std::string full_name(const std::string& ref_name, std::string_view base_name) {
  if (looks_like_tag(ref_name)) {
    std::string out(base_name);
    out.append(":").append(ref_name);
    return out;
  }
  return ref_name;
}

std::vector<std::string> names_of(const Descriptor& entry, std::string_view base_name) {
  std::vector<std::string> out;
  const auto annotation = [&entry](const char* key) {
    const auto at = entry.annotations.find(key);
    return at == entry.annotations.end() ? std::string() : at->second;
  };
  std::string name = annotation(kContainerdName);
  if (name.empty()) {
    name = full_name(annotation(kRefName), base_name);
  }
  if (const auto parsed = parse_reference(name)) {
    out.push_back(parsed->canonical());
  }
  return out;
}

// From an entry of index.json down to a manifest, through indexes of variants.
Result<Descriptor> resolve(ImageSource& source, Descriptor entry) {
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    if (is_manifest_type(entry.media_type)) {
      return entry;
    }
    if (!is_index_type(entry.media_type)) {
      return failure(Kind::kUnsupported, "the image has a manifest of the media type '",
                     printable(entry.media_type), "', which is no image");
    }
    const std::string text = RECAP_TRY(read_small_blob(source, entry));
    const auto variants = RECAP_TRY(parse_index(text, entry.media_type));
    entry = RECAP_TRY(choose_platform(variants));
  }
  return Error(Kind::kCorrupt, "the image's indexes are nested too deep");
}

void add_image(std::vector<FoundImage>& images, const Descriptor& manifest,
               const std::vector<std::string>& names) {
  const auto same = [&manifest](const FoundImage& image) {
    return image.manifest.digest == manifest.digest;
  };
  auto known = std::ranges::find_if(images, same);
  if (known == images.end()) {
    known = images.insert(images.end(), FoundImage{manifest, "", {}});
  }
  known->names.insert(known->names.end(), names.begin(), names.end());
}

}  // namespace

Result<UniqueFd> ImageSource::open_blob(const Digest& digest) {
  return open("blobs/sha256/" + digest.hex());
}

Result<bool> ImageSource::move_blob(Store&, const Digest&) { return false; }

Result<std::unique_ptr<ImageSource>> open_layout_directory(const std::string& path) {
  auto root = linux::open_at(linux::kCwd, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!root) {
    return root.error();
  }
  std::unique_ptr<ImageSource> source = std::make_unique<LayoutDirectory>(DirFd(root->release()));
  return source;
}

Result<std::string> read_small_blob(ImageSource& source, const Descriptor& blob) {
  if (blob.size > kMaxJsonBytes) {
    return failure(Kind::kInvalid, "blob ", blob.digest.text(),
                   " is larger than 4 MiB, too large for a manifest or config");
  }
  const auto fd = source.open_blob(blob.digest);
  if (!fd) {
    return failure(Kind::kCorrupt, "blob ", blob.digest.text(), " is missing in the image");
  }
  std::string text = RECAP_TRY(read_bounded(fd->get(), kMaxJsonBytes, "a blob of the image"));
  if (text.size() != blob.size || Sha256::of(std::as_bytes(std::span(text))) != blob.digest) {
    return failure(Kind::kCorrupt, "blob ", blob.digest.text(),
                   " does not have the content that its digest promises");
  }
  return text;
}

Result<std::vector<FoundImage>> images_of_layout(ImageSource& source, std::string_view base_name) {
  const UniqueFd version = RECAP_TRY(source.open("oci-layout"));
  const std::string said = RECAP_TRY(read_bounded(version.get(), kMaxJsonBytes, "oci-layout"));
  const auto layout = RECAP_TRY(parse_object(said, "oci-layout"));
  const auto layout_version = RECAP_TRY(text_of(layout, "imageLayoutVersion"));
  if (!layout_version.starts_with("1.")) {
    return Error(Kind::kUnsupported, "the OCI layout is not of version 1");
  }
  const UniqueFd index = RECAP_TRY(source.open("index.json"));
  const std::string text = RECAP_TRY(read_bounded(index.get(), kMaxJsonBytes, "index.json"));
  const auto entries = RECAP_TRY(parse_index(text, kOciIndexType));
  std::vector<FoundImage> images;
  for (const Descriptor& entry : entries) {
    if (may_run_here(entry)) {
      const Descriptor manifest = RECAP_TRY(resolve(source, entry));
      add_image(images, manifest, names_of(entry, base_name));
    }
  }
  if (images.empty()) {
    if (entries.empty()) {
      return Error(Kind::kNotFound, "there is no image in it");
    }
    RECAP_TRY(choose_platform(entries));  // says what there is instead
  }
  return images;
}

}  // namespace recap::image
