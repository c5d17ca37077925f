// SPDX-License-Identifier: Apache-2.0
// The store, for those who change it: import, pull, rmi, gc. Its layout is in prepared.h.
//
// Everything is written in a workspace, made durable, and renamed into its place; so at any moment
// the store holds only whole things, and what a dead process left lies in tmp/ and is swept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/digest.h"
#include "image/store_files.h"
#include "linux/unique_fd.h"

namespace recap::image {

class Store {
 public:
  // Creates the store when it is not there, checks its root, sweeps what dead processes left.
  // A shared store stays locked against gc while this lives; an exclusive one also against imports
  // and leases (kBusy when one goes on for longer than ten seconds).
  static base::Result<Store> open(std::string_view path, Lock how);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const linux::DirFd& root() const { return root_; }
  // A directory of this process alone, on the store's filesystem.
  [[nodiscard]] const linux::DirFd& workspace() const { return workspace_; }
  [[nodiscard]] std::string workspace_path() const;

  // kNotFound when the blob is not there, or has another size (then it is removed).
  base::Result<linux::UniqueFd> open_blob(const Digest& digest, std::uint64_t size) const;
  // Takes a file of the workspace, whose content was verified, as a blob. It can be opened at once,
  // and is put among the others by publish_blobs().
  base::Status adopt_blob(const std::string& name, const Digest& digest);
  [[nodiscard]] bool has_new_blobs() const { return !new_blobs_.empty(); }
  // Call it after sync(), so that what lies in blobs/ is always whole.
  base::Status publish_blobs();
  base::Status remove_blob(const Digest& digest) const;
  base::Result<std::string> read_manifest(const Digest& digest) const;  // the blob, not parsed

  // Everything written so far survives a crash from here on.
  base::Status sync() const;

  base::Status write_image(const StoredImage& image) const;
  base::Status write_ref(std::string_view canonical, const Digest& digest) const;
  base::Status remove_ref(std::string_view canonical) const;
  // Canonical reference → manifest, of all that can be read.
  [[nodiscard]] base::Result<std::map<std::string, Digest>> refs() const;
  // Writes index.json anew from images/ and refs/.
  base::Status write_index() const;

  Store(Store&&) = default;
  Store& operator=(Store&&) = delete;
  ~Store();

 private:
  Store() = default;

  std::string path_;
  linux::DirFd root_;
  linux::UniqueFd lock_;
  linux::DirFd workspace_;
  std::string workspace_name_;
  std::set<Digest> new_blobs_;
};

}  // namespace recap::image
