// SPDX-License-Identifier: Apache-2.0
// index.json of the store: what makes it an OCI image layout that any other tool can read. It is
// derived from images/ and refs/, which alone count.
#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "image/files.h"
#include "image/json.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/store.h"
#include "linux/fs.h"

namespace recap::image {

namespace json = boost::json;
using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

// The descriptor of a manifest blob; nothing when the blob is missing.
json::value describe(const DirFd& root, const Digest& digest, std::string_view name) {
  const std::string path = std::string(kBlobsDir) + "/" + digest.hex();
  const auto fd = linux::open_at(root.get(), path.c_str(), O_RDONLY | O_NOFOLLOW);
  const auto text = fd ? read_bounded(fd->get(), kMaxJsonBytes, "a manifest") : fd.error();
  const auto manifest = text ? parse_object(*text, "a manifest") : text.error();
  if (!manifest) {
    return nullptr;
  }
  const auto said = text_of(*manifest, "mediaType");
  json::object out;
  out["mediaType"] = said && !said->empty() ? *said : std::string(kOciManifestType);
  out["digest"] = digest.text();
  out["size"] = text->size();
  if (!name.empty()) {
    out["annotations"] = json::object{{"org.opencontainers.image.ref.name", std::string(name)}};
  }
  return out;
}

}  // namespace

Status Store::write_index() const {
  const std::string lock_path = std::string(kLocksDir) + "/index";
  const UniqueFd lock = RECAP_TRY(
      linux::open_at(root_.get(), lock_path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  RECAP_TRY(lock_file(lock.get()));
  json::array manifests;
  std::set<Digest> named;
  const auto add = [&](const Digest& digest, std::string_view name) {
    json::value entry = describe(root_, digest, name);
    if (entry.is_object()) {
      manifests.push_back(std::move(entry));
    }
  };
  for (const std::string& file : RECAP_TRY(names_in(root_, kRefsDir))) {
    const auto reference = file_name_to_reference(file);
    const auto digest = reference ? read_ref(root_, *reference) : Result<Digest>(Digest());
    if (digest && Digest::parse(*reference) == std::nullopt) {
      named.insert(*digest);
      add(*digest, *reference);
    }
  }
  for (const std::string& hex : RECAP_TRY(names_in(root_, kImagesDir))) {
    const auto digest = Digest::parse_hex(hex);
    if (digest && !named.contains(*digest)) {
      add(*digest, "");
    }
  }
  const json::object index{
      {"schemaVersion", 2}, {"mediaType", std::string(kOciIndexType)}, {"manifests", manifests}};
  const std::string text = json::serialize(index);
  return replace_file(workspace_.get(), root_.get(), "index.json", std::as_bytes(std::span(text)));
}

}  // namespace recap::image
