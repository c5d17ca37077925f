// SPDX-License-Identifier: Apache-2.0
// Leases: leases/RUN/HEX says that run RUN uses the image of manifest sha256:HEX. The file holds
// the boot id and the state directory of the run, so that gc can tell a lease whose run is gone.
//
// A lease is taken under the store's shared lock and gc decides under the exclusive one: either gc
// sees the lease, or the lease sees that the image is gone.
#include <fcntl.h>

#include <array>
#include <string>

#include "image/digest.h"
#include "image/prepared.h"
#include "image/printable.h"
#include "image/store_files.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Status;
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

Status make_dir(int dir, const std::string& path) {
  const auto made = linux::make_dir_at(dir, path.c_str(), 0700);
  if (!made && made.error().kind() != Kind::kExists) {
    return made.error();
  }
  return {};
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
  std::array<char, 64> boot{};
  const std::string_view boot_id =
      RECAP_TRY(linux::read_file_at(linux::kCwd, "/proc/sys/kernel/random/boot_id", boot));
  const std::string folder = std::string(kLeasesDir) + "/" + std::string(run_id);
  RECAP_TRY(make_dir(root.get(), folder));
  const std::string path = folder + "/" + image->hex();
  const UniqueFd fd = RECAP_TRY(
      linux::open_at(root.get(), path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  return linux::write_text(fd.get(), std::string(boot_id) + std::string(state_dir) + "\n");
}

Status release_lease(std::string_view store_root, std::string_view run_id) {
  RECAP_TRY(check_run_id(run_id));
  const auto root = RECAP_TRY(open_store_root(store_root));
  const std::string folder = std::string(kLeasesDir) + "/" + std::string(run_id);
  for (const std::string& name : RECAP_TRY(names_in(root, folder.c_str()))) {
    const auto gone = linux::unlink_at(root.get(), (folder + "/" + name).c_str());
    if (!gone && gone.error().kind() != Kind::kNotFound) {
      return gone.error();
    }
  }
  const auto gone = linux::remove_dir_at(root.get(), folder.c_str());
  if (!gone && gone.error().kind() != Kind::kNotFound) {
    return gone.error();
  }
  return {};
}

}  // namespace recap::image
