// SPDX-License-Identifier: Apache-2.0
#include "engine/viewpoint.h"

#include <fcntl.h>

#include <array>
#include <csignal>

#include "engine/confine.h"
#include "linux/fs.h"
#include "linux/mount.h"
#include "linux/net_dump.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::engine {

namespace {

using base::Status;
using linux::Ns;

constexpr unsigned kCapSetgid = 6;
constexpr unsigned kCapSetuid = 7;
constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapIpcOwner = 15;
constexpr unsigned kCapSysPtrace = 19;
constexpr std::int64_t kPatienceMs = 2000;

bool may(const run::Spec& spec, unsigned capability) {
  return (spec.capabilities & linux::capability(capability)) != 0;
}

// A procfs shows the pid namespace of who makes it, so a process has to be there; it is for three
// system calls, in our memory (nothing is copied). Static: it may outlive our patience.
struct ProcMaker {
  int socket = -1;
  alignas(16) std::byte stack[16384];
};
ProcMaker g_proc_maker;

Result<linux::Mount> make_proc() {
  return RECAP_TRY(linux::FsContext::open("proc"))
      .create(linux::MountAttr::kReadOnly | linux::MountAttr::kNoSuid | linux::MountAttr::kNoDev |
              linux::MountAttr::kNoExec);
}

void run_proc_maker(void* /*context*/) {
  int kept[] = {g_proc_maker.socket};  // of this process' own table: no lock of ours outlives us
  if (linux::close_all_but(kept)) {
    if (const auto proc = make_proc()) {
      const int fds[] = {proc->get()};
      (void)linux::send(g_proc_maker.socket, std::as_bytes(std::span("p", 1)), fds);
    }
  }
  linux::exit_now(0);
}

// The target may stop or kill the maker: then there is no view.
Result<linux::DirFd> proc_of(int target_pidfd) {
  linux::SocketPair line = RECAP_TRY(linux::make_socket_pair());
  g_proc_maker.socket = line.b.get();
  RECAP_TRY(linux::join(target_pidfd, Ns::kPid));
  const linux::Child maker = RECAP_TRY(
      linux::start_sharing_memory({.entry = run_proc_maker, .stack = g_proc_maker.stack}));
  line.b.reset();
  linux::PollFd made[] = {{.fd = line.a.get(), .events = linux::kPollIn}};
  if (RECAP_TRY(linux::poll(made, kPatienceMs)) == 0) {
    (void)linux::send_signal(maker.pidfd.get(), SIGKILL);
    return base::Error(base::Kind::kTimeout, "the target's processes cannot be seen");
  }
  std::byte unused[1];
  linux::UniqueFd fds[1];
  if (RECAP_TRY(linux::receive(line.a.get(), unused, fds, /*dont_wait=*/true)) == 0 ||
      !fds[0].valid()) {
    return base::Error(base::Kind::kDenied, "the target's processes cannot be seen");
  }
  return linux::open_dir_at(fds[0].get(), ".");
}

}  // namespace

std::uint8_t looks_at(const run::Spec& spec) {
  const bool own_uids = spec.run_as == run::RunAs::kReserved && !may(spec, kCapSetuid) &&
                        !may(spec, kCapSetgid) && !may(spec, kCapIpcOwner);
  const bool may_stop = may(spec, kCapSysPtrace) || may(spec, kCapKill) || !own_uids;
  std::uint8_t wanted = 0;
  if ((spec.share & run::kSharePid) != 0 && may_stop) {
    wanted |= kLooksAtProcesses;
  }
  if ((spec.share & run::kShareIpc) != 0 && !own_uids) {
    wanted |= kLooksAtIpc;
  }
  if ((spec.share & run::kShareNet) != 0 && may(spec, kCapNetAdmin)) {
    wanted |= kLooksAtNetwork;
  }
  return wanted;
}

Result<Viewpoint> take_viewpoint(const run::Spec& spec, int target_pidfd) {
  const std::uint8_t wanted = looks_at(spec);
  Viewpoint view;
  if ((wanted & kLooksAtProcesses) != 0) {
    view.proc = RECAP_TRY(proc_of(target_pidfd));
  }
  if ((wanted & kLooksAtNetwork) != 0) {
    view.network = RECAP_TRY(linux::open_netlink_in(target_pidfd, linux::kNetlinkRoute));
  }
  return view;
}

}  // namespace recap::engine
