// SPDX-License-Identifier: Apache-2.0
// The store's own files, as both programs read them: the names of its folders, the check of its
// root, and the byte format of a prepared image (wire.h). See prepared.h for what each folder
// holds.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/digest.h"
#include "image/prepared.h"
#include "linux/unique_fd.h"

namespace recap::image {

inline constexpr const char* kBlobsDir = "blobs/sha256";
inline constexpr const char* kLayersDir = "layers";
inline constexpr const char* kImagesDir = "images";
inline constexpr const char* kRefsDir = "refs";
inline constexpr const char* kLeasesDir = "leases";
inline constexpr const char* kLocksDir = "locks";
inline constexpr const char* kTmpDir = "tmp";
inline constexpr const char* kLockFile = "lock";  // shared: import, lease; exclusive: gc, rmi

inline constexpr std::size_t kMaxPreparedBytes = std::size_t{8} << 20;

// Opens the root of a store. kDenied unless it is a directory of root's that nobody else may enter.
base::Result<linux::DirFd> open_store_root(std::string_view store_root);

// A prepared image as its file holds it: layers are diffIDs, not paths.
struct StoredImage {
  PreparedImage image;         // `reference` and `layers` are empty
  std::vector<Digest> layers;  // top first
};

base::Result<std::vector<std::byte>> encode_stored(const StoredImage& stored);
base::Result<StoredImage> decode_stored(std::span<const std::byte> input);

// The prepared image of one manifest; kNotFound when the store does not have it.
base::Result<StoredImage> read_stored(const linux::DirFd& root, const Digest& digest);

// What refs/ says of a canonical reference; kNotFound when it says nothing.
base::Result<Digest> read_ref(const linux::DirFd& root, std::string_view canonical);

// The names in a folder of the store, sorted; those that begin with '.' are left out.
base::Result<std::vector<std::string>> names_in(const linux::DirFd& root, const char* folder);
// What is named by its digest there, in the same order.
base::Result<std::vector<Digest>> digests_in(const linux::DirFd& root, const char* folder);

// "FOLDER/HEX": where the store has what is named by its digest.
std::string path_in(const char* folder, const Digest& digest);
base::Result<linux::UniqueFd> open_in(const linux::DirFd& root, const char* folder,
                                      const Digest& digest);

// The state directories whose runs may use images of this store.
base::Result<std::vector<std::string>> state_dirs(const linux::DirFd& root);

// Waits for the store's lock, for an exclusive one at most ten seconds (kBusy). It is released with
// the descriptor.
enum class Lock { kShared, kExclusive };
base::Result<linux::UniqueFd> lock_store(const linux::DirFd& root, Lock how);

}  // namespace recap::image
