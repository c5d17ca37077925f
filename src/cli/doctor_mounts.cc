// SPDX-License-Identifier: Apache-2.0
// How a Capsule's files can be put together here. All is built detached or in a mount namespace of
// a child, and vanishes with it.
#include <fcntl.h>
#include <sys/wait.h>

#include <array>
#include <string>
#include <vector>

#include "cli/doctor.h"
#include "cli/probe.h"
#include "linux/fs.h"
#include "linux/mount.h"
#include "linux/process.h"

namespace recap::cli {
namespace {

using base::Status;
using linux::FsContext;
using linux::MountAttr;

base::Result<linux::Mount> new_tmpfs() {
  FsContext tmpfs = RECAP_TRY(FsContext::open("tmpfs"));
  return tmpfs.create(MountAttr::kNoSuid | MountAttr::kNoDev);
}

// Two layers, an upper and a work directory.
Status make_dirs(int tmpfs) {
  for (const char* name : {"a", "b", "upper", "work"}) {
    RECAP_TRY(linux::make_dir_at(tmpfs, name, 0755));
  }
  return {};
}

Status overlay_of_detached() {
  const linux::Mount tmpfs = RECAP_TRY(new_tmpfs());
  RECAP_TRY(make_dirs(tmpfs.get()));
  FsContext overlay = RECAP_TRY(FsContext::open("overlay"));
  std::vector<linux::Mount> layers;  // a detached tree is dissolved with its last descriptor
  for (const char* layer : {"a", "b"}) {
    const auto dir = RECAP_TRY(linux::open_dir_at(tmpfs.get(), layer));
    layers.push_back(RECAP_TRY(linux::clone_tree(dir.get(), false)));
    RECAP_TRY(overlay.set_fd("lowerdir+", layers.back().get()));
  }
  for (const char* name : {"upper", "work"}) {
    const auto dir = RECAP_TRY(linux::open_dir_at(tmpfs.get(), name));
    const std::string key = std::string(name) + "dir";
    RECAP_TRY(overlay.set_fd(key.c_str(), dir.get()));
  }
  RECAP_TRY(overlay.create(MountAttr::kNoSuid));
  return {};
}

// In a mount namespace of its own: attached over "/", which stays reachable by its descriptor.
Status overlay_of_attached(bool one_by_one) {
  RECAP_TRY(linux::make_everything_private());
  const linux::Mount tmpfs = RECAP_TRY(new_tmpfs());
  RECAP_TRY(make_dirs(tmpfs.get()));
  const auto root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  const auto proc = RECAP_TRY(linux::open_at(linux::kCwd, "/proc", O_PATH | O_DIRECTORY));
  RECAP_TRY(linux::attach(tmpfs.get(), root.get()));
  const auto at = [&](const char* name) {
    return base::concat<60>("/proc/self/fd/", tmpfs.get(), "/", name);
  };
  FsContext overlay = RECAP_TRY(FsContext::open("overlay"));
  if (one_by_one) {
    RECAP_TRY(overlay.set("lowerdir+", at("a").c_str()));
    RECAP_TRY(overlay.set("lowerdir+", at("b").c_str()));
  } else {
    RECAP_TRY(overlay.set("lowerdir", base::concat<130>(at("a"), ":", at("b")).c_str()));
  }
  RECAP_TRY(overlay.set("upperdir", at("upper").c_str()));
  RECAP_TRY(overlay.set("workdir", at("work").c_str()));
  RECAP_TRY(overlay.create(MountAttr::kNoSuid));
  return {};
}

void check_overlay(Findings& out) {
  const Status plain = try_in_child([] { return overlay_of_attached(false); }, linux::Ns::kMnt);
  if (!plain) {
    out.push_back({Health::kFail, "overlay", std::string(plain.error().message()),
                   "load the module: modprobe overlay"});
    return;
  }
  const Status detached = try_in_child(overlay_of_detached);
  const Status listed = try_in_child([] { return overlay_of_attached(true); }, linux::Ns::kMnt);
  out.push_back({Health::kOk, "overlay",
                 detached ? "of detached layers"
                 : listed ? "layers are attached in a private namespace first (fallback)"
                          : "layers are attached first, at most 80 of them (fallback)",
                 ""});
}

// A user namespace that maps uid 0 to another one, as long as this lives.
class MappedUsers {
 public:
  static base::Result<MappedUsers> make() {
    MappedUsers users;
    linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
    users.child_ = RECAP_TRY(linux::fork(linux::Ns::kUser));
    if (users.child_.pid == 0) {
      pipe.write.reset();
      std::array<std::byte, 1> byte;
      (void)linux::read_some(pipe.read.get(), byte);  // until the parent lets go
      linux::exit_now(0);
    }
    users.hold_ = std::move(pipe.write);
    const std::string proc = "/proc/" + std::to_string(users.child_.pid);
    for (const char* map : {"/uid_map", "/gid_map"}) {
      RECAP_TRY(linux::write_file_at(linux::kCwd, (proc + map).c_str(), "0 100000 1"));
    }
    users.ns_ = RECAP_TRY(linux::open_at(linux::kCwd, (proc + "/ns/user").c_str(), O_RDONLY));
    return users;
  }
  MappedUsers(MappedUsers&& other) noexcept = default;
  MappedUsers& operator=(MappedUsers&&) = delete;
  ~MappedUsers() {
    if (hold_.valid()) {
      hold_.reset();
      ::waitpid(child_.pid, nullptr, 0);
    }
  }
  [[nodiscard]] int ns() const { return ns_.get(); }

 private:
  MappedUsers() = default;
  linux::Child child_;
  linux::UniqueFd hold_, ns_;
};

Status map_directory(const std::string& path) {
  const MappedUsers users = RECAP_TRY(MappedUsers::make());
  const auto dir = RECAP_TRY(linux::open_dir_at(linux::kCwd, path.c_str()));
  const auto tree = RECAP_TRY(linux::clone_tree(dir.get(), false));
  return linux::map_ids(tree.get(), users.ns());
}

void check_id_mapping(Findings& out, const capsule::Dirs& dirs) {
  // The store may not be there yet: the file system it would be on counts.
  std::string path = dirs.store();
  while (path.size() > 1 && !linux::open_dir_at(linux::kCwd, path.c_str())) {
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  }
  const Status mapped = map_directory(path);
  out.push_back({mapped ? Health::kOk : Health::kWarn, "idmapped mounts",
                 mapped ? "yes, on " + path : "not on " + path,
                 mapped ? ""
                        : "put --data-dir on ext4, xfs or btrfs: else image files belong to root "
                          "inside, and a function can only read what everyone may"});
}

}  // namespace

void check_mounts(Findings& out, const capsule::Dirs& dirs) {
  const auto tmpfs = new_tmpfs();
  out.push_back({tmpfs ? Health::kOk : Health::kFail, "mounts by descriptor",
                 tmpfs ? "yes" : std::string(tmpfs.error().message()),
                 tmpfs ? "" : "recap needs CAP_SYS_ADMIN and the mount API of Linux 5.2"});
  if (tmpfs) {
    check_overlay(out);
    check_id_mapping(out, dirs);
  }
}

}  // namespace recap::cli
