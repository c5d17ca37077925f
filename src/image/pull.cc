// SPDX-License-Identifier: Apache-2.0
#include "image/pull.h"

#include <fcntl.h>

#include <array>
#include <cstdlib>

#include "image/files.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "image/signature_policy.h"
#include "image/skopeo.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr const char* kLayoutDir = "pulled";
constexpr const char* kSharedDir = "shared";
constexpr const char* kPolicyFile = "policy.json";
constexpr const char* kSharedBlobs = "shared/sha256";
constexpr std::uint64_t kWorthSharing = std::uint64_t{64} << 10;

constexpr std::array<std::string_view, 6> kPathTransports = {
    "oci:", "oci-archive:", "docker-archive:", "dir:", "docker-daemon:", "containers-storage:"};

// The layout that skopeo wrote, whose blobs are in a directory of their own: there skopeo finds
// those that the store has already, and downloads only the others.
class PulledLayout : public ImageSource {
 public:
  PulledLayout(const Store& store, std::unique_ptr<ImageSource> layout)
      : workspace_(store.workspace()), layout_(std::move(layout)) {}

  Result<UniqueFd> open(const std::string& name) override { return layout_->open(name); }

  Result<UniqueFd> open_blob(const Digest& digest) override {
    return open_in(workspace_, kSharedBlobs, digest);
  }

  Result<bool> move_blob(Store& store, const Digest& digest) override {
    const UniqueFd fd = RECAP_TRY(open_blob(digest));
    Sha256 hash;
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (true) {
      const std::size_t n = RECAP_TRY(linux::read_some(fd.get(), buffer));
      if (n == 0) {
        break;
      }
      hash.update(std::span(buffer.data(), n));
    }
    if (hash.finish() != digest) {
      RECAP_TRY(store.remove_blob(digest));  // it may be the store's that went bad
      return failure(Kind::kCorrupt, "blob ", digest.text(), " arrived damaged: pull again");
    }
    RECAP_TRY(store.adopt_blob(path_in(kSharedBlobs, digest), digest));
    return true;
  }

 private:
  const DirFd& workspace_;
  std::unique_ptr<ImageSource> layout_;
};

// Links, not copies: what is in blobs/ is whole and is never written again. Small ones are not
// worth it; so manifests and configs, which say what the image is, always come fresh.
Status share_blobs(const Store& store) {
  RECAP_TRY(ensure_dir(store.workspace().get(), kSharedDir, 0700));
  RECAP_TRY(ensure_dir(store.workspace().get(), kSharedBlobs, 0700));
  const DirFd from = RECAP_TRY(linux::open_dir_at(store.root().get(), kBlobsDir));
  const DirFd to = RECAP_TRY(linux::open_dir_at(store.workspace().get(), kSharedBlobs));
  for (const std::string& name : RECAP_TRY(names_in(store.root(), kBlobsDir))) {
    const UniqueFd blob = RECAP_TRY(linux::open_at(from.get(), name.c_str(), O_PATH | O_NOFOLLOW));
    const struct statx st = RECAP_TRY(linux::stat_at(blob.get(), "", AT_EMPTY_PATH));
    if (st.stx_size < kWorthSharing) {
      continue;
    }
    RECAP_TRY(link_fd(blob.get(), to.get(), name.c_str()));
  }
  return {};
}

std::vector<std::string> skopeo_arguments(const Store& store, const PullSource& source,
                                          const PullOptions& options) {
  const std::string workspace = store.workspace_path();
  // What skopeo keeps while it works lies in the workspace too, which is swept, and counted. An OCI
  // layout has no place for signatures: they are checked, and left behind.
  std::vector<std::string> out{"--command-timeout=30m",
                               "--tmpdir=" + workspace,
                               "--policy=" + workspace + "/" + kPolicyFile,
                               "copy",
                               "--retry-times=2",
                               "--remove-signatures",
                               "--dest-oci-accept-uncompressed-layers",
                               "--dest-shared-blob-dir=" + workspace + "/" + kSharedDir};
  if (!options.progress) {
    out.emplace_back("--quiet");
  }
  if (!options.authfile.empty()) {
    out.push_back("--src-authfile=" + options.authfile);
  }
  if (!options.tls_verify.empty()) {
    out.push_back("--src-tls-verify=" + options.tls_verify);
  }
  // skopeo alone of Docker's clients does not read it by itself.
  const char* const daemon = std::getenv("DOCKER_HOST");
  if (source.location.starts_with("docker-daemon:") && daemon != nullptr) {
    out.push_back(std::string("--src-daemon-host=") + daemon);
  }
  out.push_back(source.location);
  out.push_back("oci:" + workspace + "/" + kLayoutDir);
  return out;
}

// skopeo reads a copy, so that what decides is what the record speaks of.
Status copy_policy(const Store& store, const SignaturePolicy& policy) {
  return replace_file(store.workspace().get(), store.workspace().get(), kPolicyFile,
                      std::as_bytes(std::span(policy.text)));
}

// Says whose decision a refusal was, and what this skopeo may lack.
Status with_policy(Status got, const SignaturePolicy& policy) {
  if (got || got.error().message().find("rejected") == std::string_view::npos) {
    return got;
  }
  base::Error error(Kind::kDenied, got.error().message());
  const bool cannot_check = policy.text.find("sigstoreSigned") != std::string::npos &&
                            error.message().find("no signature exists") != std::string_view::npos;
  return std::move(error).context(
      base::concat<300>("the signature policy ", printable(policy.path, 200),
                        cannot_check ? " (Debian 12's skopeo sees no sigstore signatures)" : "",
                        " does not allow it"));
}

// The reference in "PATH:REF" or "REF"; "" when it names none.
std::string name_in(std::string_view transport, std::string_view rest) {
  if (transport == "dir:") {
    return "";
  }
  if (transport == "containers-storage:") {
    rest = rest.substr(rest.find(']') == std::string_view::npos ? 0 : rest.find(']') + 1);
  } else if (transport != "docker-daemon:") {
    const std::size_t colon = rest.find(':');
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  }
  const auto parsed = parse_reference(rest);
  return parsed ? parsed->canonical() : "";
}

Result<UniqueFd> lock_source(const Store& store, std::string_view location) {
  const Digest digest = Sha256::of(std::as_bytes(std::span(location)));
  return lock_file(store.root().get(), path_in(kLocksDir, digest));
}

Status fetch(const Store& store, const PullSource& source, const PullOptions& options) {
  const std::string skopeo = RECAP_TRY(find_skopeo());
  RECAP_TRY(share_blobs(store));
  FetchWatch watch(store.workspace(), options.bounds);
  return run_skopeo(skopeo, skopeo_arguments(store, source, options), options.progress, &watch);
}

}  // namespace

Result<PullSource> parse_pull_source(std::string_view text) {
  constexpr std::string_view kDocker = "docker://";
  for (const std::string_view transport : kPathTransports) {
    if (text.starts_with(transport) && text.size() > transport.size()) {
      if (text.find('\0') != std::string_view::npos) {
        break;
      }
      return PullSource{std::string(text), name_in(transport, text.substr(transport.size()))};
    }
  }
  if (text.starts_with(kDocker)) {
    text.remove_prefix(kDocker.size());
  }
  const std::string canonical = RECAP_TRY(parse_reference(text)).canonical();
  return PullSource{std::string(kDocker) + canonical, canonical};
}

Result<std::vector<Imported>> pull(Store& store, std::string_view text, const PullOptions& options,
                                   const Limits& limits, const Notice& notice,
                                   const Confine& confine) {
  const PullSource source = RECAP_TRY(parse_pull_source(text));
  std::string name = source.name;
  if (!options.name.empty()) {
    name = RECAP_TRY(parse_reference(options.name)).canonical();
  }
  if (store.path().find(':') != std::string::npos) {
    return failure(Kind::kInvalid, "the path of the store must not contain a colon");
  }
  const UniqueFd only_one = RECAP_TRY(lock_source(store, source.location));
  if (options.missing && !name.empty()) {
    if (const auto known = find(store.path(), name)) {
      return std::vector<Imported>{{name, Digest::parse(known->digest).value_or(Digest())}};
    }
  }
  const SignaturePolicy policy = RECAP_TRY(read_signature_policy(options.signature_policy));
  const std::string trust = RECAP_TRY(requirements_on(policy, source.location));
  RECAP_TRY(copy_policy(store, policy));
  RECAP_TRY(with_policy(fetch(store, source, options).context(printable(text)), policy));
  // From here on nothing is asked of the source any more: what is checked now is what will run.
  RECAP_TRY(confine ? confine(-1) : Status());
  auto layout = RECAP_TRY(open_layout_directory(store.workspace_path() + "/" + kLayoutDir));
  PulledLayout pulled(store, std::move(layout));
  auto images = RECAP_TRY(images_of_layout(pulled, ""));
  if (images.size() != 1) {
    return failure(Kind::kInvalid, "'", printable(text), "' is not one image");
  }
  images[0].trust = trust;
  images[0].names.clear();
  if (!name.empty()) {
    images[0].names.push_back(name);
  }
  return import_image(store, pulled, images[0], limits, notice);
}

}  // namespace recap::image
