// SPDX-License-Identifier: Apache-2.0
#include "engine/etc_files.h"

#include <fcntl.h>

#include <array>
#include <cstddef>

#include "engine/rootfs.h"
#include "linux/fs.h"

namespace recap::engine {

namespace {

using base::Result;
using base::Status;

constexpr std::size_t kMaxCopied = 65536;
constexpr std::size_t kMaxPasswd = std::size_t{1} << 20;

// Replaces /etc/NAME, whatever the image has there (a symlink, say), with a new file.
Result<linux::UniqueFd> replace(int etc, const char* name) {
  auto removed = linux::unlink_at(etc, name);
  if (!removed && removed.error().kind() != base::Kind::kNotFound) {
    return std::move(removed).error();
  }
  return linux::open_at(etc, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
}

Status copy_from_target(int etc, const char* name, int source) {
  if (source < 0) {
    return {};
  }
  const auto file = linux::reopen_regular(source);
  if (!file) {
    return {};
  }
  std::array<std::byte, kMaxCopied> buffer;
  const auto size = linux::read_all(file->get(), buffer);
  if (!size || *size == buffer.size()) {
    return {};
  }
  const linux::UniqueFd copy = RECAP_TRY(replace(etc, name));
  return linux::write_all(copy.get(), std::span(buffer).first(*size));
}

// Appends one line to /etc/NAME of the image. The copy-up that an append means happens only here,
// for a uid of ours that the image cannot know.
Status append_line(int etc, const char* name, std::string_view line) {
  auto file = linux::open_beneath(etc, name, O_RDWR | O_APPEND | O_CREAT, 0644);
  if (!file) {
    return {};  // the image has something else there: then the uid has no name
  }
  const auto st = linux::stat_at(file->get(), "", AT_EMPTY_PATH);
  if (!st || !S_ISREG(st->stx_mode) || st->stx_size > kMaxPasswd) {
    return {};
  }
  return linux::write_text(file->get(), line);
}

}  // namespace

Status write_etc_files_in_child(const run::Spec& spec, const RunIds& ids,
                                const TargetFiles& files) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  const linux::UniqueFd etc = RECAP_TRY(make_mount_point(root.get(), "/etc"));
  RECAP_TRY(copy_from_target(etc.get(), "resolv.conf", files.resolv_conf.get()));
  RECAP_TRY(copy_from_target(etc.get(), "hosts", files.hosts.get()));
  const bool own_user_ns = spec.capabilities == 0;
  if (!own_user_ns && ids.block_first != 0) {
    const auto user =
        base::concat<128>("recap:x:", ids.uid, ":", ids.gid, ":RECap function:/:/bin/sh\n");
    RECAP_TRY(append_line(etc.get(), "passwd", user));
    RECAP_TRY(append_line(etc.get(), "group", base::concat<64>("recap:x:", ids.gid, ":\n")));
  }
  return {};
}

}  // namespace recap::engine
