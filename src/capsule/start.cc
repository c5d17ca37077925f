// SPDX-License-Identifier: Apache-2.0
// Everything that can fail or allocate happens here, before the child exists (start_child.cc).
#include "capsule/start.h"

#include <errno.h>
#include <fcntl.h>

#include <array>
#include <cstddef>
#include <span>

#include "capsule/start_child.h"
#include "linux/error.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "run/control.h"
#include "run/spec.h"

// The keeper's program, put here by keeper_image.S.
extern "C" {
extern const std::byte recap_keeper_begin[];
extern const std::byte recap_keeper_end[];
}

namespace recap::capsule {
namespace {

// Where descriptors wait until the child gives them their numbers; above all of those.
constexpr int kParking = 16;

base::Result<linux::UniqueFd> keeper_program() {
  const std::span bytes(recap_keeper_begin, recap_keeper_end);
  linux::UniqueFd file = RECAP_TRY(linux::make_memfd("recap-keeper", true));
  for (base::Status step : {linux::write_all(file.get(), bytes), linux::seal_memfd(file.get())}) {
    if (!step) {
      return std::move(step).error();
    }
  }
  return file;
}

base::Status park(linux::UniqueFd& fd) {
  if (fd.valid() && fd.get() < kParking) {
    fd = RECAP_TRY(linux::duplicate(fd.get(), kParking));
  }
  return {};
}

base::Error refused(int error) {
  if (error == EACCES || error == EPERM) {
    return base::Error(base::Kind::kUnsupported,
                       "the kernel refuses to run the keeper from memory: set the sysctl "
                       "vm.memfd_noexec to 0 or 1",
                       error);
  }
  return linux::failed("execute", "the keeper", error);
}

// The kernel reaps children that nobody waits for, and those that a killed keeper leaves: its outer
// stub comes to us, the nearest subreaper, instead of a host's init that may take seconds.
base::Status leave_no_zombies() {
  RECAP_TRY(linux::set_subreaper());
  return linux::ignore_children();
}

}  // namespace

WaitingKeeper::~WaitingKeeper() { linux::await_cleared(is_in_our_memory_); }

base::Status WaitingKeeper::start(FunctionFds fds, const char* cgroup_parent) {
  linux::UniqueFd program = RECAP_TRY(keeper_program());
  linux::SocketPair sockets = RECAP_TRY(linux::make_socket_pair());
  for (linux::UniqueFd* source : {&fds.in, &fds.out, &fds.err, &sockets.b, &program}) {
    RECAP_TRY(park(*source));
  }
  // The numbers of what comes with the Assignment are taken by the socket until then.
  static_assert(run::kStdin == 0 && run::kStderr == 2 && run::kOutFd == run::kCallerFd + 1);
  plan_.fds.fill(sockets.b.get());
  plan_.fds[run::kStdin] = fds.in.get();
  plan_.fds[run::kStdout] = fds.out.get();
  plan_.fds[run::kStderr] = fds.err.get();
  plan_.fd_count = run::kOutFd + 1;
  plan_.program = program.get();
  plan_.argv = {"recap-keeper", "run", cgroup_parent, nullptr};
  linux::Child child =
      RECAP_TRY(linux::start_sharing_memory({.entry = start_child,
                                             .context = &plan_,
                                             .stack = stack_,
                                             .is_in_our_memory = &is_in_our_memory_}));
  process_ = std::move(child.pidfd);
  socket_ = std::move(sockets.a);
  return {};
}

base::Result<linux::UniqueFd> WaitingKeeper::assign(Assignment fds) {
  linux::await_cleared(is_in_our_memory_);
  if (plan_.error != 0) {
    return refused(plan_.error);
  }
  RECAP_TRY(leave_no_zombies());
  (void)linux::has_children();  // reaps whom we started, where a child of it goes on already
  const run::Assignment message{.has_out = fds.artifacts.valid()};
  const std::array<int, 3> descriptors{fds.spec.get(), fds.target.get(), fds.artifacts.get()};
  RECAP_TRY(linux::send(socket_.get(), std::as_bytes(std::span(&message, 1)),
                        std::span(descriptors).first(message.has_out ? 3 : 2)));
  return std::move(socket_);
}

base::Result<linux::PidFd> start_recovery(linux::UniqueFd run_dir) {
  linux::UniqueFd program = RECAP_TRY(keeper_program());
  linux::UniqueFd null = RECAP_TRY(linux::open_at(linux::kCwd, "/dev/null", O_RDWR));
  for (base::Status ok : {park(run_dir), park(null), park(program)}) {
    if (!ok) {
      return std::move(ok).error();
    }
  }
  StartPlan plan;
  // Every number of run::KeeperFd is taken, so that nothing the keeper opens gets one of them.
  plan.fds.fill(null.get());
  plan.fds[run::kSpecFd] = run_dir.get();
  plan.fd_count = plan.fds.size();
  plan.program = program.get();
  plan.argv = {"recap-keeper", "recover", nullptr, nullptr};
  RECAP_TRY(leave_no_zombies());
  alignas(16) std::array<std::byte, 16384> stack;
  linux::Child keeper = RECAP_TRY(linux::start_sharing_memory(
      {.entry = start_child, .context = &plan, .stack = stack, .until_exec = true}));
  if (plan.error != 0) {
    return refused(plan.error);
  }
  return std::move(keeper.pidfd);
}

}  // namespace recap::capsule
