// SPDX-License-Identifier: Apache-2.0
// Everything that can fail or allocate happens here, before the child exists (start_child.cc).
#include "capsule/start.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include <array>
#include <cstddef>
#include <span>

#include "capsule/start_child.h"
#include "linux/error.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/process.h"
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

// vfork's way: the child borrows our memory until exec, so no page table is copied.
base::Result<linux::PidFd> spawn(StartPlan& plan) {
  // Children that nobody waits for must not stay as zombies; the keeper may outlive us.
  if (base::Status ok = linux::ignore_children(); !ok) {
    return std::move(ok).error();
  }
  alignas(16) std::array<std::byte, 16384> stack;
  int pidfd = -1;
  const int pid = ::clone(start_child, stack.data() + stack.size(),
                          CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
  if (pid < 0) {
    return linux::failed("start", "the keeper", errno);
  }
  linux::PidFd keeper(pidfd);
  if (plan.error == EACCES || plan.error == EPERM) {
    return base::Error(base::Kind::kUnsupported,
                       "the kernel refuses to run the keeper from memory: set the sysctl "
                       "vm.memfd_noexec to 0 or 1",
                       plan.error);
  }
  if (plan.error != 0) {
    return linux::failed("execute", "the keeper", plan.error);
  }
  return keeper;
}

}  // namespace

base::Result<linux::PidFd> start_keeper(KeeperFds fds) {
  linux::UniqueFd program = RECAP_TRY(keeper_program());
  std::array<linux::UniqueFd*, 7> sources = {&fds.in,     &fds.out,    &fds.err,      &fds.spec,
                                             &fds.target, &fds.caller, &fds.artifacts};
  static_assert(run::kStdin == 0 && run::kStderr == 2 && run::kSpecFd == 3 && run::kTargetFd == 4 &&
                run::kCallerFd == 5 && run::kOutFd == 6);
  StartPlan plan;
  for (linux::UniqueFd* source : sources) {
    if (base::Status ok = park(*source); !ok) {
      return std::move(ok).error();
    }
    plan.fds[plan.fd_count++] = source->get();
  }
  plan.fd_count -= fds.artifacts.valid() ? 0 : 1;
  if (base::Status ok = park(program); !ok) {
    return std::move(ok).error();
  }
  plan.program = program.get();
  plan.argv = {"recap-keeper", nullptr, nullptr};
  return spawn(plan);
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
  plan.argv = {"recap-keeper", "recover", nullptr};
  return spawn(plan);
}

}  // namespace recap::capsule
