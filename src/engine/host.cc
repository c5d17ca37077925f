// SPDX-License-Identifier: Apache-2.0
#include "engine/host.h"

#include <array>
#include <csignal>

#include "engine/cgroup.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::engine {

namespace {

using base::Status;
using linux::Ns;

struct Namespace {
  const char* own;
  const char* host;
  std::uint64_t flag;
};
// The cgroup namespace first: from inside a private one, joining a cgroup outside of it fails where
// the hierarchy is mounted with nsdelegate (cgroup-v2.rst, "Delegation Containment").
constexpr Namespace kNamespaces[] = {
    {"/proc/self/ns/cgroup", "/proc/1/ns/cgroup", Ns::kCgroup},
    {"/proc/self/ns/ipc", "/proc/1/ns/ipc", Ns::kIpc},
    {"/proc/self/ns/uts", "/proc/1/ns/uts", Ns::kUts},
    {"/proc/self/ns/mnt", "/proc/1/ns/mnt", Ns::kMnt},
};

Status join_host_namespaces() {
  std::uint64_t foreign = 0;
  for (const Namespace& ns : kNamespaces) {
    std::array<char, 64> own;
    std::array<char, 64> host;
    const std::string_view mine = RECAP_TRY(linux::read_link_at(linux::kCwd, ns.own, own));
    const auto theirs = linux::read_link_at(linux::kCwd, ns.host, host);
    if (!theirs && theirs.error().kind() == base::Kind::kDenied) {
      return {};  // an init with more capabilities than ours: who started us there stays there
    }
    if (!theirs) {
      return theirs.error();
    }
    foreign |= mine == *theirs ? 0 : ns.flag;
  }
  if (foreign == 0) {
    return {};
  }
  const linux::PidFd init = RECAP_TRY(linux::open_pidfd(1));
  return linux::join(init.get(), foreign);
}

}  // namespace

Status move_to_host(std::string_view cgroup_parent) {
  RECAP_TRY(linux::set_dumpable(false));
  RECAP_TRY(linux::new_session());
  RECAP_TRY(linux::ignore_children());
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGTTOU, SIGTTIN}) {
    RECAP_TRY(linux::ignore_signal(signal));
  }
  linux::set_umask(0);  // modes are what the calls say
  RECAP_TRY(join_host_namespaces().context("cannot move to the host's namespaces"));
  return leave_starters_cgroups(cgroup_parent).context("cannot leave the starter's cgroups");
}

}  // namespace recap::engine
