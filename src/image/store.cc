// SPDX-License-Identifier: Apache-2.0
#include "image/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "image/files.h"
#include "image/printable.h"
#include "image/reference.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

constexpr std::string_view kOciLayout = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view kEmptyIndex =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string new_blob_name(const Digest& digest) { return "blob-" + digest.hex(); }

Status make_root(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    RECAP_TRY(ensure_dir(linux::kCwd, path.substr(0, slash).c_str(), 0700)
                  .context("cannot make the image store"));
    if (slash == std::string::npos) {
      return {};
    }
  }
}

Status make_folders(const DirFd& root) {
  for (const char* folder :
       {"blobs", kBlobsDir, kLayersDir, kImagesDir, kRefsDir, kLeasesDir, kLocksDir, kTmpDir}) {
    RECAP_TRY(ensure_dir(root.get(), folder, 0700));
  }
  return {};
}

// Workspaces are made and swept under this lock, so that a new one is never taken for a dead one.
Result<UniqueFd> lock_workspaces(const DirFd& root) {
  return lock_file(root.get(), std::string(kLocksDir) + "/workspaces");
}

// Takes away the workspaces whose owner is dead: a living one holds a lock on its own.
void sweep(const DirFd& tmp) {
  (void)linux::each_entry(tmp.get(), [&tmp](const char* name, unsigned char) {
    const auto dir = linux::open_dir_at(tmp.get(), name);
    if (dir && linux::lock_exclusive(dir->get())) {
      (void)remove_tree(tmp.get(), name);
    }
    return true;
  });
}

Result<std::string> make_workspace(const DirFd& tmp, DirFd& out) {
  for (unsigned attempt = 0;; ++attempt) {
    std::string name = std::to_string(getpid()) + "." + std::to_string(attempt);
    const auto made = linux::make_dir_at(tmp.get(), name.c_str(), 0700);
    if (!made && made.error().kind() == Kind::kExists) {
      continue;
    }
    if (!made) {
      return made.error();
    }
    out = RECAP_TRY(linux::open_dir_at(tmp.get(), name.c_str()));
    RECAP_TRY(linux::lock_exclusive(out.get()));
    return name;
  }
}

}  // namespace

Result<Store> Store::open(std::string_view path, Lock how) {
  Store store;
  store.path_ = path;
  RECAP_TRY(make_root(store.path_));
  store.root_ = RECAP_TRY(open_store_root(path));
  RECAP_TRY(make_folders(store.root_));
  store.lock_ = RECAP_TRY(lock_store(store.root_, how));
  const UniqueFd lock = RECAP_TRY(lock_workspaces(store.root_));
  const DirFd tmp = RECAP_TRY(linux::open_dir_at(store.root_.get(), kTmpDir));
  sweep(tmp);
  store.workspace_name_ = RECAP_TRY(make_workspace(tmp, store.workspace_));
  if (!RECAP_TRY(look_at(store.root_.get(), "oci-layout"))) {
    const int staging = store.workspace_.get();
    RECAP_TRY(replace_file(staging, store.root_.get(), "index.json", bytes_of(kEmptyIndex)));
    RECAP_TRY(replace_file(staging, store.root_.get(), "oci-layout", bytes_of(kOciLayout)));
  }
  return store;
}

Store::~Store() {
  lock_.reset();  // what is in the workspace is out of the store already
  if (workspace_.valid()) {
    const std::string path = std::string(kTmpDir) + "/" + workspace_name_;
    (void)remove_tree(root_.get(), path.c_str());
  }
}

std::string Store::workspace_path() const { return path_ + "/" + kTmpDir + "/" + workspace_name_; }

Result<UniqueFd> Store::open_blob(const Digest& digest, std::uint64_t size) const {
  const bool is_new = new_blobs_.contains(digest);
  const std::string path = is_new ? new_blob_name(digest) : path_in(kBlobsDir, digest);
  UniqueFd fd = RECAP_TRY(
      linux::open_at(is_new ? workspace_.get() : root_.get(), path.c_str(), O_RDONLY | O_NOFOLLOW));
  const struct statx st = RECAP_TRY(linux::stat_at(fd.get(), "", AT_EMPTY_PATH));
  if (!S_ISREG(st.stx_mode) || st.stx_size != size) {
    return failure(Kind::kNotFound, "blob ", digest.text(), " is not in the store");
  }
  return fd;
}

Status Store::adopt_blob(const std::string& name, const Digest& digest) {
  RECAP_TRY(rename_between(workspace_.get(), name.c_str(), workspace_.get(),
                           new_blob_name(digest).c_str()));
  new_blobs_.insert(digest);
  return {};
}

Status Store::publish_blobs() {
  const DirFd blobs = RECAP_TRY(linux::open_dir_at(root_.get(), kBlobsDir));
  for (const Digest& digest : new_blobs_) {
    RECAP_TRY(rename_between(workspace_.get(), new_blob_name(digest).c_str(), blobs.get(),
                             digest.hex().c_str()));
  }
  new_blobs_.clear();
  return sync_file(blobs.get());
}

Status Store::remove_blob(const Digest& digest) const {
  return remove_tree(root_.get(), path_in(kBlobsDir, digest).c_str());
}

Status Store::sync() const { return sync_filesystem(root_.get()); }

Status Store::write_image(const StoredImage& image) const {
  const auto digest = Digest::parse(image.image.digest);
  if (!digest) {
    return failure(Kind::kInternal, "an image without a digest cannot be kept");
  }
  const std::vector<std::byte> bytes = RECAP_TRY(encode_stored(image));
  const DirFd images = RECAP_TRY(linux::open_dir_at(root_.get(), kImagesDir));
  return replace_file(workspace_.get(), images.get(), digest->hex(), bytes);
}

Status Store::write_ref(std::string_view canonical, const Digest& digest) const {
  const DirFd refs = RECAP_TRY(linux::open_dir_at(root_.get(), kRefsDir));
  return replace_file(workspace_.get(), refs.get(), reference_to_file_name(canonical),
                      bytes_of(digest.text() + "\n"));
}

Status Store::remove_ref(std::string_view canonical) const {
  const std::string path = std::string(kRefsDir) + "/" + reference_to_file_name(canonical);
  return remove_tree(root_.get(), path.c_str());
}

}  // namespace recap::image
