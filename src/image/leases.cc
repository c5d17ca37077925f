// SPDX-License-Identifier: Apache-2.0
// Which leases still count. lease.cc writes them.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <ctime>

#include "image/files.h"
#include "image/gc.h"
#include "linux/fs.h"

namespace recap::image {

using base::Result;
using linux::DirFd;

namespace {

// Between the lease and the run's directory lies the start of a keeper.
constexpr std::time_t kStartSeconds = 60;

std::string read_boot_id() {
  std::array<char, 64> buffer{};
  const auto id = linux::read_file_at(linux::kCwd, "/proc/sys/kernel/random/boot_id", buffer);
  return id ? std::string(*id) : std::string();
}

// A lease of another boot, or of a run whose directory is gone, belongs to nobody. What cannot be
// decided is kept.
bool is_live(const DirFd& root, const std::string& path, const std::string& run,
             const std::string& boot_id) {
  std::array<char, 4200> buffer{};
  const auto text = linux::read_file_at(root.get(), path.c_str(), buffer);
  const auto st = look_at(root.get(), path.c_str());
  if (!text || !st || !*st) {
    return true;
  }
  if (std::time(nullptr) - (*st)->st_mtime < kStartSeconds) {
    return true;
  }
  if (boot_id.empty() || !text->starts_with(boot_id)) {
    return boot_id.empty();
  }
  std::string state_dir(text->substr(boot_id.size()));
  if (state_dir.ends_with('\n')) {
    state_dir.pop_back();
  }
  if (state_dir.empty()) {
    return true;
  }
  const auto there = look_at(linux::kCwd, state_dir.append("/runs/").append(run).c_str());
  return !there || there->has_value();
}

}  // namespace

Result<std::map<Digest, std::set<std::string>>> live_leases(const Store& store, bool drop_dead) {
  std::map<Digest, std::set<std::string>> out;
  const std::string boot_id = read_boot_id();
  for (const std::string& run : RECAP_TRY(names_in(store.root(), kLeasesDir))) {
    const std::string folder = std::string(kLeasesDir) + "/" + run;
    bool any = false;
    for (const std::string& hex : RECAP_TRY(names_in(store.root(), folder.c_str()))) {
      const auto digest = Digest::parse_hex(hex);
      if (digest && is_live(store.root(), folder + "/" + hex, run, boot_id)) {
        out[*digest].insert(run);
        any = true;
      }
    }
    if (!any && drop_dead) {
      RECAP_TRY(remove_tree(store.root().get(), folder.c_str()));
    }
  }
  return out;
}

}  // namespace recap::image
