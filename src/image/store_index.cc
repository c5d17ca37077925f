// SPDX-License-Identifier: Apache-2.0
// index.json of the store: what makes it an OCI image layout that any other tool can read. It is
// derived from images/ and refs/, which alone count.
#include <set>

#include "image/files.h"
#include "image/json.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/store.h"

namespace recap::image {

namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

// The descriptor of a manifest blob; nothing when the blob is missing.
json::value describe(const Store& store, const Digest& digest, std::string_view name) {
  const auto text = store.read_manifest(digest);
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

Result<std::string> Store::read_manifest(const Digest& digest) const {
  const UniqueFd fd = RECAP_TRY(open_in(root_, kBlobsDir, digest));
  return read_bounded(fd.get(), kMaxJsonBytes, "a manifest");
}

Result<std::map<std::string, Digest>> Store::refs() const {
  std::map<std::string, Digest> out;
  for (const std::string& file : RECAP_TRY(names_in(root_, kRefsDir))) {
    const auto reference = file_name_to_reference(file);
    const auto digest = reference ? read_ref(root_, *reference) : Error(Kind::kNotFound, "");
    if (digest) {
      out[*reference] = *digest;
    }
  }
  return out;
}

Status Store::write_index() const {
  const UniqueFd lock = RECAP_TRY(lock_file(root_.get(), std::string(kLocksDir) + "/index"));
  json::array manifests;
  std::set<Digest> named;
  const auto add = [&](const Digest& digest, std::string_view name) {
    json::value entry = describe(*this, digest, name);
    if (entry.is_object()) {
      manifests.push_back(std::move(entry));
    }
  };
  for (const auto& [reference, digest] : RECAP_TRY(refs())) {
    if (!Digest::parse(reference)) {
      named.insert(digest);
      add(digest, reference);
    }
  }
  for (const Digest& digest : RECAP_TRY(digests_in(root_, kImagesDir))) {
    if (!named.contains(digest)) {
      add(digest, "");
    }
  }
  const json::object index{
      {"schemaVersion", 2}, {"mediaType", std::string(kOciIndexType)}, {"manifests", manifests}};
  const std::string text = json::serialize(index);
  return replace_file(workspace_.get(), root_.get(), "index.json", std::as_bytes(std::span(text)));
}

}  // namespace recap::image
