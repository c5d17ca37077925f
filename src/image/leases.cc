// SPDX-License-Identifier: Apache-2.0
// Which leases still count. lease.cc writes them.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <optional>

#include "image/files.h"
#include "image/gc.h"
#include "linux/fs.h"

namespace recap::image {

using base::Result;
using linux::DirFd;

namespace {

// Between the lease and the run's directory lies the start of a keeper.
constexpr std::time_t kStartSeconds = 60;

struct Lease {
  std::optional<Digest> image;
  bool dead = false;  // its run is gone, and it is no new one
};

Lease read_lease(const std::string& state_dir, const DirFd& folder, const std::string& run) {
  Lease out;
  std::array<char, 128> buffer{};
  const auto text = linux::read_file_at(folder.get(), run.c_str(), buffer);
  if (text) {
    out.image = Digest::parse(text->substr(0, text->find('\n')));
  }
  const auto st = look_at(folder.get(), run.c_str());
  const auto there = look_at(linux::kCwd, (state_dir + "/runs/" + run).c_str());
  out.dead = st && *st && std::time(nullptr) - (*st)->st_mtime >= kStartSeconds && there && !*there;
  return out;
}

}  // namespace

Result<std::map<Digest, std::set<std::string>>> live_leases(const Store& store, bool drop_dead) {
  std::map<Digest, std::set<std::string>> out;
  for (const std::string& state_dir : RECAP_TRY(state_dirs(store.root()))) {
    const std::string path = state_dir + "/" + kLeasesDir;
    const auto folder = linux::open_dir_at(linux::kCwd, path.c_str());
    if (!folder) {
      if (folder.error().kind() == base::Kind::kNotFound) {
        continue;
      }
      return folder.error();
    }
    for (const std::string& run : RECAP_TRY(names_in(*folder, "."))) {
      const Lease lease = read_lease(state_dir, *folder, run);
      if (!lease.dead && lease.image) {
        out[*lease.image].insert(run);
      } else if (lease.dead && drop_dead) {
        RECAP_TRY(linux::unlink_at(folder->get(), run.c_str()));
      }
    }
  }
  return out;
}

}  // namespace recap::image
