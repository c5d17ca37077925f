// SPDX-License-Identifier: Apache-2.0
#include "engine/etc_files.h"

#include <fcntl.h>

#include <array>
#include <cstddef>

#include "engine/file_systems.h"
#include "linux/fs.h"
#include "run/merged_view.h"

namespace recap::engine {

namespace {

using base::Result;
using base::Status;

constexpr std::size_t kMaxFile = 65536;
using FileBuffer = std::array<std::byte, kMaxFile>;

// /etc of the upper layer, with the owner and mode that the image's has. Invalid when the image has
// something else there than a directory: then these files have no place.
Result<linux::UniqueFd> make_upper_etc(const Layers& layers) {
  unsigned mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  for (std::size_t i = 0; i < layers.count; ++i) {
    const auto st = linux::stat_at(layers.trees[i].get(), "etc", AT_SYMLINK_NOFOLLOW);
    if (!st) {
      continue;
    }
    if (!S_ISDIR(st->stx_mode)) {
      return linux::UniqueFd();
    }
    mode = st->stx_mode & 07777U;
    uid = st->stx_uid;
    gid = st->stx_gid;
    break;
  }
  RECAP_TRY(linux::make_dir_at(layers.upper.get(), "etc", mode));
  RECAP_TRY(linux::change_owner(layers.upper.get(), "etc", uid, gid));
  return linux::open_at(layers.upper.get(), "etc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

// The content of a regular file of at most kMaxFile - 1 bytes; anything else reads as nothing.
std::span<const std::byte> read_bounded(int proc, int path_fd, FileBuffer& buffer) {
  const auto file = linux::reopen_regular(proc, path_fd);
  if (!file) {
    return {};
  }
  const auto size = linux::read_all(file->get(), buffer);
  return !size || *size == buffer.size() ? std::span<const std::byte>{}
                                         : std::span<const std::byte>(buffer).first(*size);
}

Status write_new(int etc, const char* name, std::string_view line,
                 std::span<const std::byte> content) {
  const linux::UniqueFd file =
      RECAP_TRY(linux::open_at(etc, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  RECAP_TRY(linux::write_text(file.get(), line));
  return linux::write_all(file.get(), content);
}

// The image's own file, from its topmost layer that has one, behind one line more: the first line
// with a name or a number is the one that counts, and the last may lack its newline.
Status extend(const Layers& layers, int etc, const char* path, const char* name, int proc,
              std::string_view line) {
  FileBuffer buffer;
  for (std::size_t i = 0; i < layers.count; ++i) {
    const auto found = linux::open_beneath(layers.trees[i].get(), path, O_PATH);
    if (!found) {
      continue;
    }
    const auto content = read_bounded(proc, found->get(), buffer);
    return content.empty() ? Status{} : write_new(etc, name, line, content);
  }
  return write_new(etc, name, line, {});
}

// The function's own even where the image's belongs to root: it is its working directory.
Status make_home(const RunIds& ids, const Layers& layers) {
  const char* home = &run::kMergedHome[1];
  RECAP_TRY(linux::make_dir_at(layers.upper.get(), home, 0700));
  return linux::change_owner(layers.upper.get(), home, ids.uid, ids.gid);
}

}  // namespace

Status copy_bounded(int dir, const char* name, int proc, int source) {
  // The target may have led us there, and we may read what it must not.
  if (source < 0 || !refuse_kernel_and_server(source)) {
    return {};
  }
  FileBuffer buffer;
  const auto content = read_bounded(proc, source, buffer);
  return content.empty() ? Status{} : write_new(dir, name, "", content);
}

Status write_etc_files_in_child(const RunIds& ids, const TargetFiles& files, const Layers& layers,
                                int proc) {
  const bool merged = !layers.own.empty();
  // A user of the target may have its home, and there its configuration, among the target's files.
  const bool needs_name = ids.block_first != 0 || (merged && ids.uid != 0);
  if (merged) {
    RECAP_TRY(make_home(ids, layers));
  }
  if (!files.resolv_conf.valid() && !files.hosts.valid() && !needs_name) {
    return {};
  }
  const linux::UniqueFd etc = RECAP_TRY(make_upper_etc(layers));
  if (!etc.valid()) {
    return {};
  }
  RECAP_TRY(copy_bounded(etc.get(), "resolv.conf", proc, files.resolv_conf.get()));
  RECAP_TRY(copy_bounded(etc.get(), "hosts", proc, files.hosts.get()));
  if (needs_name) {
    const auto user =
        base::concat<128>("recap:x:", ids.uid, ":", ids.gid,
                          ":RECap function:", merged ? run::kMergedHome : "/", ":/bin/sh\n");
    RECAP_TRY(extend(layers, etc.get(), "etc/passwd", "passwd", proc, user));
    RECAP_TRY(extend(layers, etc.get(), "etc/group", "group", proc,
                     base::concat<64>("recap:x:", ids.gid, ":\n")));
  }
  return {};
}

}  // namespace recap::engine
