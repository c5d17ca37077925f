// SPDX-License-Identifier: Apache-2.0
#include "image/store_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "image/printable.h"
#include "linux/error.h"
#include "linux/fs.h"

namespace recap::image {

using base::Kind;
using base::Result;
using linux::DirFd;
using linux::UniqueFd;

Result<DirFd> open_store_root(std::string_view store_root) {
  const std::string path(store_root);
  DirFd root = RECAP_TRY(linux::open_dir_at(linux::kCwd, path.c_str()));
  const struct statx st = RECAP_TRY(linux::stat_at(root.get(), "", AT_EMPTY_PATH));
  // Layers hold whatever an image's author put there; no user of this host may execute or read it.
  if (st.stx_uid != 0 || (st.stx_mode & 07777U) != 0700) {
    const std::string name = printable(path);
    return failure(Kind::kDenied, "the image store ", name,
                   " must belong to root with mode 0700: run 'chown root ", name, " && chmod 700 ",
                   name, "'");
  }
  return root;
}

Result<std::vector<std::string>> names_in(const DirFd& root, const char* folder) {
  std::vector<std::string> out;
  const auto dir = linux::open_dir_at(root.get(), folder);
  if (!dir) {
    if (dir.error().kind() == Kind::kNotFound) {
      return out;
    }
    return dir.error();
  }
  const auto done = linux::each_entry(dir->get(), [&out](const char* name, unsigned char) {
    if (name[0] != '.') {
      out.emplace_back(name);
    }
    return true;
  });
  if (!done) {
    return done.error();
  }
  std::ranges::sort(out);
  return out;
}

Result<std::vector<Digest>> digests_in(const DirFd& root, const char* folder) {
  std::vector<Digest> out;
  for (const std::string& name : RECAP_TRY(names_in(root, folder))) {
    if (const auto digest = Digest::parse_hex(name)) {
      out.push_back(*digest);
    }
  }
  return out;
}

std::string path_in(const char* folder, const Digest& digest) {
  return std::string(folder) + "/" + digest.hex();
}

Result<UniqueFd> open_in(const DirFd& root, const char* folder, const Digest& digest) {
  return linux::open_at(root.get(), path_in(folder, digest).c_str(), O_RDONLY | O_NOFOLLOW);
}

Result<std::vector<std::string>> state_dirs(const DirFd& root) {
  std::vector<std::string> out;
  std::array<char, 4096> buffer{};
  for (const std::string& name : RECAP_TRY(names_in(root, kLeasesDir))) {
    const std::string path = std::string(kLeasesDir) + "/" + name;
    const auto target = linux::read_link_at(root.get(), path.c_str(), buffer);
    if (target) {
      out.emplace_back(*target);
    }
  }
  return out;
}

Result<UniqueFd> lock_store(const DirFd& root, Lock how) {
  constexpr int kTries = 100;
  constexpr useconds_t kPauseUs = 100'000;
  UniqueFd fd =
      RECAP_TRY(linux::open_at(root.get(), kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  const int operation = how == Lock::kShared ? LOCK_SH : LOCK_EX | LOCK_NB;
  for (int i = 0; flock(fd.get(), operation) != 0; ++i) {
    if (errno == EWOULDBLOCK && i == kTries) {
      return failure(Kind::kBusy, "an image is being pulled or imported: try again later");
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return linux::failed("lock", "the image store", errno);
    }
    if (errno == EWOULDBLOCK) {
      usleep(kPauseUs);
    }
  }
  return fd;
}

}  // namespace recap::image
