// SPDX-License-Identifier: Apache-2.0
#include "caplet/host.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <string>

#include "linux/error.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

using base::Result;
using base::Status;

Result<bool> is_the_hosts(const char* own, const char* hosts) {
  std::array<char, 64> mine;
  std::array<char, 64> theirs;
  return RECAP_TRY(linux::read_link_at(linux::kCwd, own, mine)) ==
         RECAP_TRY(linux::read_link_at(linux::kCwd, hosts, theirs));
}

Status join_host(const char* own, const char* hosts, std::uint64_t which) {
  const auto same = is_the_hosts(own, hosts);
  if (!same && same.error().kind() == base::Kind::kDenied) {
    return {};  // an init that hides from us: a keeper finds out whether this is the host
  }
  if (RECAP_TRY(same)) {
    return {};
  }
  const linux::PidFd init = RECAP_TRY(linux::open_pidfd(1));
  return linux::join(init.get(), which);
}

// Nobody but root can have put anything into it, and nothing is in it yet.
Status close_if_new(const std::string& path) {
  struct stat info{};
  std::error_code ignored;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != 0 ||
      (info.st_mode & 077) == 0 || (info.st_mode & 022) != 0 ||
      !std::filesystem::is_empty(path, ignored)) {
    return {};
  }
  return ::chmod(path.c_str(), 0700) == 0 ? Status() : linux::failed("close", path, errno);
}

}  // namespace

Status settle_on_node(const capsule::Dirs& dirs) {
  RECAP_TRY(join_host("/proc/self/ns/cgroup", "/proc/1/ns/cgroup", linux::Ns::kCgroup)
                .context("cannot see the host's cgroups"));
  // Its keepers would hold on to the network of a pod that is gone, and it has to reach registries
  // and the API server also where the pods' network does not work.
  RECAP_TRY(join_host("/proc/self/ns/net", "/proc/1/ns/net", linux::Ns::kNet)
                .context("cannot join the node's network"));
  RECAP_TRY(close_if_new(dirs.state));
  return close_if_new(dirs.data);
}

Status join_hosts_files() {
  return join_host("/proc/self/ns/mnt", "/proc/1/ns/mnt", linux::Ns::kMnt)
      .context(
          "cannot get to the host's files: the pod needs hostPID, SYS_ADMIN, SYS_CHROOT and "
          "SYS_PTRACE");
}

}  // namespace recap::caplet
