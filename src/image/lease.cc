// SPDX-License-Identifier: Apache-2.0
// A live run keeps its image: gc reads STATE/runs/RUN/spec of every state directory that the
// store's leases/ links to. Before that file exists, the run's caller holds the store's shared
// lock, and gc decides under the exclusive one.
#include <fcntl.h>

#include <cstdint>
#include <string>

#include "image/digest.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/store_files.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::DirFd;
using linux::UniqueFd;

namespace {

// FNV-1a of the path: one link per state directory, whatever its length.
std::string link_name(std::string_view state_dir) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : state_dir) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return std::string(kLeasesDir) + "/" + std::to_string(hash);
}

Status register_state_dir(const DirFd& root, const std::string& state_dir) {
  const std::string name = link_name(state_dir);
  if (linux::stat_at(root.get(), name.c_str(), AT_SYMLINK_NOFOLLOW)) {
    return {};
  }
  const auto made = linux::symlink_at(state_dir.c_str(), root.get(), name.c_str());
  return !made && made.error().kind() != Kind::kExists ? made : Status{};
}

}  // namespace

Result<UniqueFd> hold(std::string_view store_root, std::string_view digest,
                      std::string_view state_dir) {
  const auto image = Digest::parse(digest);
  if (!image) {
    return failure(Kind::kInvalid, "'", printable(digest), "' is no digest");
  }
  const auto root = RECAP_TRY(open_store_root(store_root));
  UniqueFd lock = RECAP_TRY(lock_store(root, Lock::kShared));
  if (!linux::stat_at(root.get(), path_in(kImagesDir, *image).c_str(), AT_SYMLINK_NOFOLLOW)) {
    return Error(Kind::kNotFound, "the image was removed meanwhile: pull or import it again");
  }
  const std::string state(state_dir);
  if (!state.starts_with('/')) {
    return Error(Kind::kInvalid, "the state directory must be an absolute path");
  }
  RECAP_TRY(register_state_dir(root, state));
  return lock;
}

}  // namespace recap::image
