// SPDX-License-Identifier: Apache-2.0
// Everything here runs between clone and exec: no allocation, no locks. It may wait for a file
// server of the target, and can be killed then. Failures travel as one fixed-size StubFailure.
#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "engine/confine.h"
#include "engine/etc_files.h"
#include "engine/function.h"
#include "engine/mount_point.h"
#include "engine/oom_score.h"
#include "engine/stub.h"
#include "linux/fs.h"
#include "linux/socket.h"

namespace recap::engine {

namespace {

using base::Error;
using linux::Ns;

[[noreturn]] void fail(const StubPlan& plan, const Error& error, int exit_code = 125) {
  report_failure(plan.failure_pipe, error, exit_code);
  linux::exit_now(0);
}

void tell(const StubPlan& plan, const StubMessage& message, std::span<const int> fds = {}) {
  // A keeper that is gone cannot be told; whoever recovers the run finds out by itself.
  (void)linux::send(plan.messages, std::as_bytes(std::span(&message, 1)), fds);
}

// The keeper's books, its sockets and its lock on the ledger are not the stubs' to hold: they would
// keep a dead keeper's run looking alive.
Status drop_keepers_descriptors(const StubPlan& plan) {
  std::array<int, run::kMaxLayers + 32> kept;
  std::size_t count = 0;
  const auto keep = [&](int fd) {
    if (fd >= 0) {
      kept[count++] = fd;
    }
  };
  for (const int fd :
       {int{run::kStdin}, int{run::kStdout}, int{run::kStderr}, plan.target_pidfd, plan.out_mount,
        plan.mask_mount, plan.user_ns, plan.failure_pipe, plan.messages, plan.proc,
        plan.layers->scratch.get(), plan.layers->upper.get()}) {
    keep(fd);
  }
  for (std::size_t i = 0; i < plan.layers->count; ++i) {
    keep(plan.layers->trees[i].get());
  }
  return linux::close_all_but(std::span(kept).first(count));
}

// What a stub that only waits needs. The rest must not outlive its use: pipes end when the
// function's ends do, a terminal hangs up when the keeper lets go of it.
void hold_only_messages(const StubPlan& plan) {
  int kept[] = {plan.messages};
  (void)linux::close_all_but(kept);
}

// From here on the process sees the Capsule's files and nothing else.
Status build_root(const StubPlan& plan, TargetFiles& files) {
  const run::Spec& spec = *plan.spec;
  RECAP_TRY(collect_in_child(spec, plan.target_pidfd, plan.proc, *plan.volumes, files));
  RECAP_TRY(write_etc_files_in_child(plan.ids, files, *plan.layers, plan.proc)
                .context("cannot write /etc in the scratch space (--scratch)"));
  if (spec.view == run::View::kMerged) {
    RECAP_TRY(complete_mask_in_child(plan.mask_mount, files, plan.proc));
  }
  // A copy of the target's mount table is small; a node's may have a thousand entries, 1.6 us each.
  RECAP_TRY(linux::unshare(Ns::kMnt));
  RECAP_TRY(linux::make_everything_private());
  const bool merged = spec.view == run::View::kMerged;
  const linux::Mount root =
      RECAP_TRY(stack_in_child(*plan.layers, plan.mask_mount, merged ? files.root.get() : -1));
  const linux::UniqueFd old = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  RECAP_TRY(linux::attach(root.get(), old.get()));
  return linux::enter_root(root.get());
}

// Joins what is shared in one call, makes anew what is not. Mounts come first (they need the
// host's privileges over the new mount namespace), /proc and /sys after (they show what is joined).
Status join_namespaces(const StubPlan& plan) {
  const std::uint8_t share = plan.spec->share;
  std::uint64_t joined = 0;
  std::uint64_t fresh = 0;
  const auto decide = [&](std::uint8_t bit, std::uint64_t ns) {
    ((share & bit) != 0 ? joined : fresh) |= ns;
  };
  decide(run::kShareNet, Ns::kNet);
  decide(run::kShareIpc, Ns::kIpc);
  decide(run::kShareUts, Ns::kUts);
  if (joined != 0) {
    RECAP_TRY(linux::join(plan.target_pidfd, joined).context("cannot join the target"));
  }
  return fresh != 0 ? linux::unshare(fresh) : Status{};
}

// Where it is the target's to have it, the function sees for itself.
Status make_workdir(int root, const run::Spec& spec) {
  const auto made = make_mount_point(root, spec.workdir, root_of(spec));
  const bool is_ours = made || (made.error().kind() != base::Kind::kDenied &&
                                made.error().kind() != base::Kind::kNotFound);
  return is_ours && !made ? Status(made.error()) : Status{};
}

Status prepare(const StubPlan& plan, TargetFiles& files) {
  RECAP_TRY(linux::set_parent_death_signal(SIGKILL));  // what it does may take a while
  RECAP_TRY(drop_keepers_descriptors(plan));
  RECAP_TRY(linux::set_subreaper());
  RECAP_TRY(
      linux::wait_for_children());  // the keeper's are not waited for; ours bring the exit status
  RECAP_TRY(linux::set_name("recap-stub"));
  RECAP_TRY(take_oom_score_in_child(plan.proc, plan.spec->target.pid)
                .context("cannot set the function's oom_score_adj"));
  RECAP_TRY(build_root(plan, files));
  RECAP_TRY(join_namespaces(plan));
  RECAP_TRY(receive_devices(plan.messages, *plan.devices));
  RECAP_TRY(attach_kernel_fs_in_child(*plan.devices));
  RECAP_TRY(attach_in_child(*plan.spec, plan.proc, plan.layers->own, files));
  if (files.left_out != 0) {
    tell(plan, {.type = StubMessageType::kViewIncomplete,
                .value = static_cast<std::int32_t>(files.left_out)});
  }
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  if (plan.out_mount >= 0) {
    const linux::UniqueFd out = RECAP_TRY(make_own_directory(root.get(), "out"));
    RECAP_TRY(linux::attach(plan.out_mount, out.get()));
  }
  RECAP_TRY(make_workdir(root.get(), *plan.spec).context("cannot make the working directory"));
  // The gate: the keeper has written down that we exist, and the run's cgroup is there.
  return plan.cgroup->receive(plan.messages);
}

// Reaps whatever there is to reap, until nothing is left. `child` is the one whose end the keeper
// hears of.
void reap_everything(const StubPlan& plan, int child, StubMessageType type) {
  bool used_storage = false;
  while (const auto ended = linux::wait_any()) {
    if (ended->used_storage && !used_storage) {
      used_storage = true;
      tell(plan, {.type = StubMessageType::kUsedStorage});
    }
    // An inner stub that leaves by itself is no news: the end of our line is.
    if (ended->pid == child &&
        (type == StubMessageType::kFunctionEnded || WIFSIGNALED(ended->status))) {
      tell(plan, {.type = type, .value = ended->status});
    }
  }
}

// The function does not start before both stubs are through here.
void become_powerless(const StubPlan& plan) {
  if (auto done = give_up_everything_in_child(); !done) {
    fail(plan, done.error());
  }
  linux::count_up(plan.memory->powerless);
}

// The function is in our memory until its exec: nothing is copied. But this is not the outer one's
// (CLONE_VM): when the run's memory is used up before the exec, the kernel kills everybody who has
// the same, and then somebody has to be left to reap.
[[noreturn]] void inner_stub(const StubPlan& plan) {
  if (auto ready = linux::set_subreaper(); !ready) {
    fail(plan, ready.error());
  }
  alignas(16) static std::byte stack[65536];
  std::uint32_t is_before_exec = 0;
  auto function = linux::start_sharing_memory({.entry = run_function,
                                               .context = const_cast<StubPlan*>(&plan),
                                               .stack = stack,
                                               .cgroup = plan.cgroup->clone_into(),
                                               .is_in_our_memory = &is_before_exec});
  if (!function) {
    fail(plan, function.error());
  }
  // Ours too: an outer stub that is killed early had no time to tell.
  const auto own = linux::open_pidfd(linux::own_pid());
  const int pidfds[] = {function->pidfd.get(), own ? own->get() : -1};
  tell(plan, {.type = StubMessageType::kFunctionForked}, std::span(pidfds).first(own ? 2 : 1));
  become_powerless(plan);
  // Who lets go last of a staged mount waits for RCU: that shall not be the function.
  linux::await_cleared(is_before_exec);
  hold_only_messages(plan);  // the end of file of the failure pipe now means: the exec succeeded
  reap_everything(plan, function->pid, StubMessageType::kFunctionEnded);
  linux::exit_now(0);
}

[[noreturn]] void outer_stub(const StubPlan& plan) {
  TargetFiles files;
  if (auto ready = prepare(plan, files); !ready) {
    fail(plan, ready.error());
  }
  if (!linux::set_first(plan.memory->gate, kGatePassed)) {
    linux::exit_now(0);  // nobody waits for this run any more
  }
  // From here on who kills it makes zombies in the target.
  (void)linux::set_parent_death_signal(0);
  auto inner = linux::fork();
  if (!inner) {
    fail(plan, inner.error());
  }
  if (inner->pid == 0) {
    inner_stub(plan);
  }
  const int pidfd = inner->pidfd.get();
  tell(plan, {.type = StubMessageType::kInnerForked}, std::span(&pidfd, 1));
  if (auto complete = complete_kernel_fs_in_child(*plan.devices); complete) {
    become_powerless(plan);
  } else {
    report_failure(plan.failure_pipe, complete.error(), 125);  // the function waits, and is killed
  }
  hold_only_messages(plan);
  reap_everything(plan, inner->pid, StubMessageType::kInnerLost);
  linux::exit_now(0);
}

}  // namespace

void report_failure(int pipe, const Error& error, int exit_code) {
  StubFailure failure{.kind = static_cast<std::uint32_t>(error.kind()), .exit_code = exit_code};
  const std::string_view text = error.message();
  std::memcpy(failure.message.data(), text.data(),
              std::min(text.size(), failure.message.size() - 1));
  (void)linux::write_all(pipe, std::as_bytes(std::span(&failure, 1)));
}

void release_stdio() {
  for (const int fd : {run::kStdin, run::kStdout, run::kStderr}) {
    linux::close_fd(fd);
  }
}

Result<linux::Child> spawn_stub(const StubPlan& plan) {
  const bool shares_pid = (plan.spec->share & run::kSharePid) != 0;
  if (shares_pid) {
    // Moves our children only: the keeper stays outside and is never seen in the target.
    RECAP_TRY(
        linux::join(plan.target_pidfd, Ns::kPid).context("cannot join the target's processes"));
  }
  linux::Child child = RECAP_TRY(
      linux::fork(shares_pid ? 0 : Ns::kPid).context("cannot start a process beside the target's"));
  if (child.pid == 0) {
    outer_stub(plan);
  }
  return child;
}

}  // namespace recap::engine
