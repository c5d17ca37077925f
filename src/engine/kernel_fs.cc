// SPDX-License-Identifier: Apache-2.0
#include "engine/kernel_fs.h"

#include <fcntl.h>

#include <span>
#include <utility>

#include "engine/mount_point.h"
#include "linux/fs.h"
#include "linux/socket.h"
#include "linux/terminal.h"

namespace recap::engine {

namespace {

using linux::FsContext;
using linux::MountAttr;

struct Device {
  const char* name;
  unsigned major, minor;
};
constexpr Device kDevices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"},
                           {"ptmx", "pts/ptmx"}};

// They tell of the whole host, not of what is joined. Container runtimes hide the same ones.
constexpr const char* kHiddenFiles[] = {"proc/interrupts",    "proc/kcore",       "proc/keys",
                                        "proc/latency_stats", "proc/sched_debug", "proc/timer_list",
                                        "proc/timer_stats"};
constexpr const char* kHiddenDirectories[] = {"proc/acpi", "proc/asound", "proc/scsi",
                                              "sys/firmware", "sys/devices/virtual/powercap"};

constexpr std::uint64_t kDevBytes = 65536;
constexpr std::uint64_t kOfTheKernel =
    MountAttr::kNoSuid | MountAttr::kNoDev | MountAttr::kNoExec | MountAttr::kReadOnly;

Result<linux::Mount> make_dev() {
  FsContext tmpfs = RECAP_TRY(FsContext::open("tmpfs"));
  RECAP_TRY(tmpfs.set("size", base::concat<16>(kDevBytes).c_str()));
  RECAP_TRY(tmpfs.set("nr_inodes", "64"));
  RECAP_TRY(tmpfs.set("mode", "0755"));
  linux::Mount dev = RECAP_TRY(tmpfs.create(MountAttr::kNoSuid | MountAttr::kNoExec));
  for (const Device& device : kDevices) {
    RECAP_TRY(linux::make_device_at(dev.get(), device.name, 0666, device.major, device.minor));
  }
  for (const Link& link : kLinks) {
    RECAP_TRY(linux::symlink_at(link.target, dev.get(), link.name));
  }
  RECAP_TRY(linux::make_dir_at(dev.get(), "shm", 01777));
  RECAP_TRY(linux::make_dir_at(dev.get(), "pts", 0755));
  return dev;
}

Result<linux::Mount> make_shm(const run::Spec& spec, const RunIds& ids, int scratch) {
  RECAP_TRY(linux::make_dir_at(scratch, "shm", 01777));
  RECAP_TRY(linux::change_owner(scratch, "shm", ids.block_first, ids.block_first));
  const linux::UniqueFd dir = RECAP_TRY(linux::open_at(scratch, "shm", O_PATH | O_DIRECTORY));
  auto part = linux::clone_tree(dir.get(), false);
  return part ? std::move(part) : make_tmpfs(spec.limits.scratch_bytes, 01777, ids);
}

Result<linux::Mount> make_pts(const RunIds& ids) {
  FsContext devpts = RECAP_TRY(FsContext::open("devpts"));
  RECAP_TRY(devpts.set("ptmxmode", "0666"));
  RECAP_TRY(devpts.set("mode", "0620"));
  RECAP_TRY(devpts.set("uid", base::concat<16>(ids.uid).c_str()));
  RECAP_TRY(devpts.set("gid", base::concat<16>(ids.gid).c_str()));
  return devpts.create(MountAttr::kNoSuid | MountAttr::kNoExec);
}

Status mount_new(int root, const char* type, const char* name) {
  FsContext context = RECAP_TRY(FsContext::open(type));
  const linux::Mount mount = RECAP_TRY(context.create(kOfTheKernel));
  const linux::UniqueFd onto = RECAP_TRY(make_own_directory(root, name));
  return linux::attach(mount.get(), onto.get());
}

// Lays `cover`, a file or an empty directory of a mount that is attached, over each of `names` that
// this kernel has.
Status hide(int root, std::span<const char* const> names, int cover) {
  for (const char* name : names) {
    auto found = linux::open_at(root, name, O_PATH | O_NOFOLLOW);
    if (!found && found.error().kind() == base::Kind::kNotFound) {
      continue;
    }
    const linux::UniqueFd place = RECAP_TRY(std::move(found));
    const linux::Mount over = RECAP_TRY(linux::clone_tree(cover, false));
    RECAP_TRY(linux::attach(over.get(), place.get()));
  }
  return {};
}

}  // namespace

Result<Devices> make_devices(const run::Spec& spec, const RunIds& ids, const Layers& layers) {
  Devices devices;
  devices.dev = RECAP_TRY(make_dev());
  devices.shm = RECAP_TRY(make_shm(spec, ids, layers.scratch.get()));
  devices.pts = RECAP_TRY(make_pts(ids));
  if (spec.terminal) {
    devices.pty_master = RECAP_TRY(linux::open_at(devices.pts.get(), "ptmx", O_RDWR | O_NOCTTY));
    RECAP_TRY(linux::unlock_pty(devices.pty_master.get()));
    if (spec.rows != 0 && spec.columns != 0) {
      RECAP_TRY(linux::resize_pty(devices.pty_master.get(), spec.rows, spec.columns));
    }
  }
  return devices;
}

Status send_devices(int socket, const Devices& devices) {
  const int fds[] = {devices.dev.get(), devices.shm.get(), devices.pts.get(),
                     devices.pty_master.get()};
  const std::byte unused[1]{};
  return linux::send(socket, unused, std::span(fds).first(devices.pty_master.valid() ? 4 : 3));
}

Status receive_devices(int socket, Devices& devices) {
  std::array<linux::UniqueFd, 4> fds;
  std::byte unused[1];
  if (RECAP_TRY(linux::receive(socket, unused, fds)) == 0) {
    return base::Error(base::Kind::kGone, "the keeper ended");
  }
  devices.dev = linux::Mount(fds[0].release());
  devices.shm = linux::Mount(fds[1].release());
  devices.pts = linux::Mount(fds[2].release());
  devices.pty_master = std::move(fds[3]);
  return {};
}

Status attach_kernel_fs_in_child(Devices& devices) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  RECAP_TRY(mount_new(root.get(), "proc", "proc").context("cannot mount the Capsule's /proc"));
  const linux::UniqueFd dev = RECAP_TRY(make_own_directory(root.get(), "dev"));
  RECAP_TRY(linux::attach(devices.dev.get(), dev.get()));
  const linux::UniqueFd shm = RECAP_TRY(linux::open_at(devices.dev.get(), "shm", O_PATH));
  RECAP_TRY(linux::attach(devices.shm.get(), shm.get()));
  devices.empty = RECAP_TRY(linux::open_at(devices.dev.get(), "pts", O_PATH));
  return linux::attach(devices.pts.get(), devices.empty.get());
}

Status complete_kernel_fs_in_child(const Devices& devices) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  RECAP_TRY(mount_new(root.get(), "sysfs", "sys").context("cannot mount the Capsule's /sys"));
  const linux::UniqueFd null = RECAP_TRY(linux::open_at(devices.dev.get(), "null", O_PATH));
  RECAP_TRY(hide(root.get(), kHiddenFiles, null.get()));
  return hide(root.get(), kHiddenDirectories, devices.empty.get());
}

}  // namespace recap::engine
