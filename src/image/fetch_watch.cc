// SPDX-License-Identifier: Apache-2.0
#include "image/fetch_watch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "image/printable.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Status;
using linux::DirFd;

namespace {

constexpr int kMaxDepth = 4;  // LAYOUT/blobs/sha256/HEX

// Files come and go meanwhile: what cannot be looked at is not counted. Each look needs a
// descriptor of its own, for reading a directory goes on where it ended.
std::uint64_t bytes_below(const DirFd& parent, const char* name, int depth) {
  std::uint64_t bytes = 0;
  const auto dir = linux::open_dir_at(parent.get(), name);
  if (!dir) {
    return 0;
  }
  (void)linux::each_entry(dir->get(), [&](const char* entry, unsigned char) {
    const auto st = linux::stat_at(dir->get(), entry, AT_SYMLINK_NOFOLLOW);
    if (st && S_ISREG(st->stx_mode)) {
      bytes += st->stx_size;
    } else if (st && S_ISDIR(st->stx_mode) && depth < kMaxDepth) {
      bytes += bytes_below(*dir, entry, depth + 1);
    }
    return true;
  });
  return bytes;
}

}  // namespace

FetchWatch::FetchWatch(const DirFd& folder, const FetchBounds& bounds)
    : folder_(folder),
      bounds_(bounds),
      before_(bytes_below(folder, ".", 0)),
      last_(before_),
      since_(Clock::now()) {}

Status FetchWatch::look() {
  const std::uint64_t now = bytes_below(folder_, ".", 0);
  if (now > before_ + bounds_.max_bytes) {
    return failure(Kind::kInvalid, "it sends more than ", bounds_.max_bytes >> 20U,
                   " MiB; the image was refused");
  }
  if (now != last_) {
    last_ = now;
    since_ = Clock::now();
  }
  if (Clock::now() - since_ > bounds_.patience) {
    return failure(Kind::kTimeout, "nothing arrived for ", bounds_.patience.count(),
                   " seconds: try again, or wait longer with --timeout");
  }
  return {};
}

}  // namespace recap::image
