// SPDX-License-Identifier: Apache-2.0
#include "engine/own_mounts.h"

#include <fcntl.h>

#include "engine/file_systems.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/mount.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

// Mounts can be stacked on one point, and only the topmost is found there.
constexpr int kMaxStacked = 8;
constexpr std::size_t kMaxMountinfoBytes = std::size_t{1} << 20;

Result<std::span<char>> read_own_mounts(int proc, std::span<std::byte> buffer) {
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(proc, "self/mountinfo", O_RDONLY));
  const std::size_t size = RECAP_TRY(linux::read_all(file.get(), buffer));
  if (size == buffer.size()) {
    return Error(Kind::kUnsupported,
                 "what is to be shown of the target has too many mounts: declare narrower paths");
  }
  return std::span<char>(reinterpret_cast<char*>(buffer.data()), size);
}

// False when something else is there: it lies on top, or the target moved a directory.
Result<bool> detach_if_it_is(int proc, int root, const char* point, std::uint64_t id) {
  while (*point == '/') {
    ++point;
  }
  const linux::UniqueFd found = RECAP_TRY(linux::open_beneath(root, point, O_PATH));
  const struct statx st = RECAP_TRY(
      linux::stat_at(found.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC));
  if (st.stx_mnt_id != id) {
    return false;
  }
  RECAP_TRY(linux::detach_open(proc, found.get()));
  return true;
}

Error asked_for(std::string_view point) {
  return {Kind::kDenied,
          base::concat<400>(point.substr(0, 200),
                            " is a file system of the kernel, not files of the target: the Capsule "
                            "has its own /proc and /sys; leave the path out")};
}

}  // namespace

bool OwnMounts::has(std::uint64_t id) const {
  for (const std::uint64_t known : std::span(ids_).first(count_)) {
    if (known == id) {
      return true;
    }
  }
  return false;
}

Result<OwnMounts> OwnMounts::list_in_child(int proc) {
  std::array<std::byte, 16384> buffer;
  const std::span<char> text = RECAP_TRY(read_own_mounts(proc, buffer));
  OwnMounts own;
  for (std::string_view rest(text.data(), text.size()); !rest.empty();) {
    if (own.count_ == own.ids_.size()) {
      return Error(Kind::kInternal, "the Capsule has more mounts than its own");
    }
    own.ids_[own.count_++] = next_mount(rest).id;
  }
  return own;
}

Status OwnMounts::leave_out_kernel_mounts_in_child(int proc,
                                                   std::span<const std::uint64_t> wanted) const {
  const std::span<std::byte> buffer = RECAP_TRY(linux::map_memory(kMaxMountinfoBytes));
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  base::FixedString<200> left;
  for (int round = 0; round <= kMaxStacked; ++round) {
    const std::span<char> text = RECAP_TRY(read_own_mounts(proc, buffer));
    left = {};
    for (std::string_view rest(text.data(), text.size()); !rest.empty();) {
      const MountLine mount = next_mount(rest);
      if (!is_of_the_kernel(mount.type) || has(mount.id)) {
        continue;
      }
      for (const std::uint64_t id : wanted) {
        if (id == mount.id) {
          return asked_for(mount.point);
        }
      }
      left = base::FixedString<200>(mount.point.substr(0, 200));
      // What fails now may have gone together with what it lay on, or is tried again.
      (void)detach_if_it_is(proc, root.get(), unescape_in_place(text, mount.point), mount.id);
    }
    if (left.empty()) {
      return {};
    }
  }
  return Error(Kind::kDenied,
               base::concat<400>(left,
                                 " is a file system of the kernel, and cannot be left out of what "
                                 "lies around it: declare narrower paths"));
}

}  // namespace recap::engine
