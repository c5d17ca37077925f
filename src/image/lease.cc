// SPDX-License-Identifier: Apache-2.0
// Leases: STATE/leases/RUN holds the digest of the image that run RUN uses, and the store's leases/
// has a link to every STATE with such files.
//
// A lease is taken under the store's shared lock and gc decides under the exclusive one: either gc
// sees the lease, or the lease sees that the image is gone.
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

constexpr std::size_t kMaxRunId = 40;

Status check_run_id(std::string_view run_id) {
  const auto good =
      run_id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos &&
      !run_id.empty() && run_id.size() <= kMaxRunId;
  if (!good) {
    return failure(Kind::kInvalid, "'", printable(run_id), "' is no run id");
  }
  return {};
}

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

// Whoever releases the last lease takes the folder away, maybe just now: then it is made again.
Result<UniqueFd> create_lease(const std::string& state_dir, std::string_view run_id) {
  constexpr int kTries = 16;
  const std::string folder = state_dir + "/" + kLeasesDir;
  const std::string path = folder + "/" + std::string(run_id);
  for (int i = 0;; ++i) {
    const auto made = linux::make_dir_at(linux::kCwd, folder.c_str(), 0700);
    if (!made && made.error().kind() != Kind::kExists) {
      return made.error();
    }
    auto fd =
        linux::open_at(linux::kCwd, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd || fd.error().kind() != Kind::kNotFound || i == kTries) {
      return fd;
    }
  }
}

Status remove_missing_ok(Status removed) {
  return !removed && removed.error().kind() != Kind::kNotFound ? removed : Status{};
}

}  // namespace

Status lease(std::string_view store_root, std::string_view digest, std::string_view run_id,
             std::string_view state_dir) {
  RECAP_TRY(check_run_id(run_id));
  const auto image = Digest::parse(digest);
  if (!image) {
    return failure(Kind::kInvalid, "'", printable(digest), "' is no digest");
  }
  const auto root = RECAP_TRY(open_store_root(store_root));
  const UniqueFd lock = RECAP_TRY(lock_store(root, Lock::kShared));
  const std::string image_path = std::string(kImagesDir) + "/" + image->hex();
  const auto there = linux::stat_at(root.get(), image_path.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!there) {
    return Error(Kind::kNotFound, "the image was removed meanwhile: pull or import it again");
  }
  const std::string state(state_dir);
  if (!state.starts_with('/')) {
    return Error(Kind::kInvalid, "the state directory must be an absolute path");
  }
  RECAP_TRY(register_state_dir(root, state));
  const UniqueFd fd = RECAP_TRY(create_lease(state, run_id));
  return linux::write_text(fd.get(), image->text() + "\n");
}

Status release_lease(std::string_view store_root, std::string_view run_id) {
  RECAP_TRY(check_run_id(run_id));
  const auto root = RECAP_TRY(open_store_root(store_root));
  for (const std::string& state : RECAP_TRY(state_dirs(root))) {
    const std::string folder = state + "/" + kLeasesDir;
    const std::string path = folder + "/" + std::string(run_id);
    RECAP_TRY(remove_missing_ok(linux::unlink_at(linux::kCwd, path.c_str())));
    (void)linux::remove_dir_at(linux::kCwd, folder.c_str());  // unless there are others
  }
  return {};
}

}  // namespace recap::image
