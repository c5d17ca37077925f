// SPDX-License-Identifier: Apache-2.0
#include "image/push.h"

#include "image/files.h"
#include "image/json.h"
#include "image/manifest.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/pull.h"
#include "image/skopeo.h"
#include "linux/fs.h"

namespace recap::image {

namespace json = boost::json;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr const char* kLayoutDir = "pushed";
constexpr std::string_view kLayoutFile = R"({"imageLayoutVersion":"1.0.0"})";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// A layout of one image, so that it needs no name in it; the blobs are the store's own.
Status write_layout(const Store& store, const Digest& digest) {
  const std::string manifest = RECAP_TRY(store.read_manifest(digest));
  const std::string said =
      RECAP_TRY(text_of(RECAP_TRY(parse_object(manifest, "a manifest")), "mediaType"));
  const json::object entry{{"mediaType", said.empty() ? std::string(kOciManifestType) : said},
                           {"digest", digest.text()},
                           {"size", manifest.size()}};
  const json::object index{{"schemaVersion", 2}, {"manifests", json::array{entry}}};
  const std::string text = json::serialize(index);
  RECAP_TRY(linux::make_dir_at(store.workspace().get(), kLayoutDir, 0700));
  const auto dir = RECAP_TRY(linux::open_dir_at(store.workspace().get(), kLayoutDir));
  const int staging = store.workspace().get();
  RECAP_TRY(replace_file(staging, dir.get(), "oci-layout", bytes_of(kLayoutFile)));
  return replace_file(staging, dir.get(), "index.json", bytes_of(text));
}

}  // namespace

Result<Imported> push(Store& store, std::string_view reference, std::string_view destination,
                      const PushOptions& options) {
  const PreparedImage image = RECAP_TRY(find(store.path(), reference));
  const Digest digest = Digest::parse(image.digest).value_or(Digest());
  if (destination == reference && image.reference == image.digest) {
    return failure(Kind::kInvalid, "the image has no name: say where it is to go");
  }
  const PullSource to =
      RECAP_TRY(parse_pull_source(destination == reference ? image.reference : destination));
  const std::string skopeo = RECAP_TRY(find_skopeo());
  RECAP_TRY(write_layout(store, digest));
  // Whoever has to have signed it was asked when it came in.
  std::vector<std::string> arguments{"--insecure-policy",
                                     "--command-timeout=30m",
                                     "--tmpdir=" + store.workspace_path(),
                                     "copy",
                                     "--retry-times=2",
                                     "--preserve-digests",
                                     "--src-shared-blob-dir=" + store.path() + "/blobs"};
  if (!options.progress) {
    arguments.emplace_back("--quiet");
  }
  if (!options.authfile.empty()) {
    arguments.push_back("--dest-authfile=" + options.authfile);
  }
  if (!options.tls_verify.empty()) {
    arguments.push_back("--dest-tls-verify=" + options.tls_verify);
  }
  arguments.push_back("oci:" + store.workspace_path() + "/" + kLayoutDir);
  arguments.push_back(to.location);
  RECAP_TRY(run_skopeo(skopeo, arguments, options.progress, nullptr)
                .context("to " + printable(to.location)));
  return Imported{to.name.empty() ? to.location : to.name, digest};
}

}  // namespace recap::image
