// SPDX-License-Identifier: Apache-2.0
#include "engine/host.h"

#include <fcntl.h>

#include <array>
#include <csignal>

#include "engine/cgroup.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Result;
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

// The number of a mount is unique on a machine, and a mount is in one namespace only: so who shows
// the same first one is in the same mount namespace, below the same root.
Result<std::uint64_t> first_mount_of(const char* mountinfo) {
  std::array<std::byte, 64> buffer;
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(linux::kCwd, mountinfo, O_RDONLY));
  const std::size_t size = RECAP_TRY(linux::read_all(file.get(), buffer));
  std::string_view text(reinterpret_cast<const char*>(buffer.data()), size);
  return linux::parse_number(linux::next_word(text)).value_or(0);
}

// Paths are told as seen from our cgroup namespace: one outside of it starts with "/..".
Result<bool> is_below_our_cgroups(const char* cgroup) {
  std::array<char, 4096> buffer;
  const std::string_view text = RECAP_TRY(linux::read_file_at(linux::kCwd, cgroup, buffer));
  return text.find(":/../") == std::string_view::npos &&
         text.find(":/..\n") == std::string_view::npos;
}

// An init with more capabilities than ours does not show its namespaces. What it shows to all has
// to prove that we are on the host already.
Status stay_if_on_host() {
  const std::uint64_t own = RECAP_TRY(first_mount_of("/proc/self/mountinfo"));
  const std::uint64_t inits = RECAP_TRY(first_mount_of("/proc/1/mountinfo"));
  if (own == inits && own != 0 && RECAP_TRY(is_below_our_cgroups("/proc/1/cgroup"))) {
    return {};
  }
  return Error(base::Kind::kDenied,
               "process 1 may not be looked at: give recap's container CAP_SYS_PTRACE and all "
               "capabilities of process 1");
}

Status join_host_namespaces() {
  std::uint64_t foreign = 0;
  for (const Namespace& ns : kNamespaces) {
    std::array<char, 64> own;
    std::array<char, 64> host;
    const std::string_view mine = RECAP_TRY(linux::read_link_at(linux::kCwd, ns.own, own));
    const auto theirs = linux::read_link_at(linux::kCwd, ns.host, host);
    if (!theirs && theirs.error().kind() == base::Kind::kDenied) {
      return stay_if_on_host();
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

Status move_to_host(std::string_view cgroup_parent, int caller) {
  RECAP_TRY(linux::set_name("recap-keeper"));  // of a program in memory: the memfd's, or a number
  RECAP_TRY(linux::set_dumpable(false));
  RECAP_TRY(linux::new_session());
  RECAP_TRY(linux::ignore_children());
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGTTOU, SIGTTIN}) {
    RECAP_TRY(linux::ignore_signal(signal));
  }
  linux::set_umask(0);  // modes are what the calls say
  RECAP_TRY(join_host_namespaces().context("cannot move to the host's namespaces"));
  return leave_starters_cgroups(cgroup_parent, caller)
      .context("cannot leave the starter's cgroups");
}

}  // namespace recap::engine
