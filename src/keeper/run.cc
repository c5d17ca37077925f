// SPDX-License-Identifier: Apache-2.0
// Run: from a decoded Spec to the function's first instruction.
//
// The order is the kernel's: the keeper leaves its starter while it is still single and small; the
// books are opened before anything is made that may outlive it; layers are cloned where the store
// is, on the host; the stub is forked last, and waits at a gate until the ledger knows it.
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "engine/confine.h"
#include "engine/ipc.h"
#include "engine/mask.h"
#include "keeper/active_run.h"
#include "keeper/books.h"
#include "keeper/clients.h"
#include "keeper/look.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "run/control.h"

namespace recap::keeper {

namespace {

using run::Step;

constexpr std::int64_t kAttachDeadlineMs = 10'000;

// Of a target that has one of its own; else there is nothing to share, and the function gets its
// own where it can.
Result<linux::UniqueFd> open_target_user_ns(ActiveRun& run) {
  const auto theirs = base::concat<64>("/proc/", run.spec.target.pid, "/ns/user");
  std::array<char, 64> own_name;
  std::array<char, 64> their_name;
  if (RECAP_TRY(linux::read_link_at(linux::kCwd, "/proc/self/ns/user", own_name)) ==
      RECAP_TRY(linux::read_link_at(linux::kCwd, theirs.c_str(), their_name))) {
    run.spec.share &= static_cast<std::uint8_t>(~run::kShareUser);
    run.record.share = run.spec.share;
    return linux::UniqueFd();
  }
  if (run.spec.run_as == run::RunAs::kReserved) {
    return Error(base::Kind::kInvalid,
                 "a reserved uid does not exist in the target's user namespace: "
                 "use --run-as target or root with --share user");
  }
  return linux::open_at(linux::kCwd, theirs.c_str(), O_RDONLY);
}

Status make_ids(ActiveRun& run) {
  linux::UniqueFd target_user_ns;
  if ((run.spec.share & run::kShareUser) != 0) {
    target_user_ns = RECAP_TRY(open_target_user_ns(run));
  }
  run.ids = RECAP_TRY(engine::reserve_ids(run.spec, run.state_dir.get(), *run.ledger));
  if (run.ids.block_first != 0) {
    if (!run.new_user_ns) {
      run.new_user_ns = RECAP_TRY(engine::NewUserNamespace::start());
    }
    run.user_ns = RECAP_TRY(run.new_user_ns->map(run.ids));
  }
  if (run.new_user_ns) {
    run.new_user_ns->give_up();
  }
  if (target_user_ns.valid()) {
    run.user_ns = std::move(target_user_ns);
  }
  return {};
}

Status stage_files(ActiveRun& run) {
  const bool map_ids = run.ids.block_first != 0;
  run.layers = RECAP_TRY(engine::stage_layers(run.spec, run.ids, map_ids ? run.user_ns.get() : -1));
  if (run.spec.out != run::OutMode::kNone) {
    run.out = RECAP_TRY(engine::make_tmpfs(run.spec.limits.out_bytes, 0755, run.ids));
    RECAP_TRY(linux::change_owner(run.out.get(), "", run.ids.uid, run.ids.gid));
  }
  if (run.spec.view == run::View::kMerged) {
    run.mask = RECAP_TRY(engine::make_mask(run.layers.own));
  }
  return write_down_files(run);
}

// The target's mount table, as an event source and, for the wide views, as the list of its volumes.
Status read_target_mounts(ActiveRun& run) {
  const auto path = base::concat<64>("/proc/", run.spec.target.pid, "/mountinfo");
  run.target_mounts = RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_RDONLY));
  if (run.spec.view != run::View::kNothing) {
    const auto buffer = RECAP_TRY(linux::map_memory(kMaxMountinfoBytes));
    const std::size_t size = RECAP_TRY(linux::read_all(run.target_mounts.get(), buffer));
    if (size == buffer.size()) {
      return Error(base::Kind::kUnsupported,
                   "the target has too many mounts for this view: use --path instead");
    }
    run.volumes = engine::volumes_in({reinterpret_cast<char*>(buffer.data()), size});
  }
  return {};
}

// What Escape needs of the target, also when that is gone by then.
Status hold_on_to_target(ActiveRun& run) {
  RECAP_TRY(read_target_mounts(run));
  if ((run.spec.share & run::kShareIpc) != 0) {
    run.target_ipc = RECAP_TRY(engine::open_ipc_namespace(run.spec.target.pid));
  }
  look_at_target(run);
  // Nothing between the lookup of the target and here trusted its pid alone.
  return linux::send_signal(run::kTargetFd, 0).context("the target is gone");
}

// As exec takes them; they live as long as the keeper.
Result<const char* const*> null_terminated(std::span<const std::string_view> words) {
  const auto memory = RECAP_TRY(linux::map_memory((words.size() + 1) * sizeof(const char*)));
  auto* pointers = reinterpret_cast<const char**>(memory.data());
  for (std::size_t i = 0; i < words.size(); ++i) {
    pointers[i] = words[i].data();
  }
  return const_cast<const char* const*>(pointers);
}

// A detached run's output goes through the keeper, which bounds it.
Status redirect_output(ActiveRun& run) {
  if (!run.spec.detached || run.spec.terminal) {
    return {};
  }
  for (int i = 0; i < 2; ++i) {
    linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
    RECAP_TRY(linux::duplicate_to(pipe.write.get(), run::kStdout + i));
    run.output[i] = std::move(pipe.read);
  }
  return {};
}

// The stubs have copies. The last holder of a detached mount waits for an RCU grace period when it
// lets go; that shall be a stub while the function runs, and not the keeper on its way out.
void release_staged_mounts(ActiveRun& run) {
  run.layers.trees = {};
  run.layers.scratch.reset();
  run.devices.dev.reset();
  run.devices.shm.reset();
  run.devices.pts.reset();
  run.mask.reset();
  run.user_ns.reset();
}

Status spawn_stub(ActiveRun& run) {
  engine::CgroupEntry entry;
  engine::Devices devices;
  linux::Pipe failure = RECAP_TRY(linux::make_pipe());
  linux::SocketPair messages = RECAP_TRY(linux::make_socket_pair());
  const linux::UniqueFd proc = RECAP_TRY(linux::open_proc());
  const auto memory = RECAP_TRY(linux::map_shared_memory(sizeof(engine::StubsMemory)));
  run.stubs_memory = new (memory.data()) engine::StubsMemory;
  engine::StubPlan plan{
      .spec = &run.spec,
      .ids = run.ids,
      .cgroup = &entry,
      .layers = &run.layers,
      .devices = &devices,
      .volumes = &run.volumes,
      .out_mount = run.out.get(),
      .mask_mount = run.mask.get(),
      .user_ns = engine::enters_user_ns(run.spec) ? run.user_ns.get() : -1,
      .target_pidfd = run::kTargetFd,
      .proc = proc.get(),
      .failure_pipe = failure.write.get(),
      .messages = messages.b.get(),
      .memory = run.stubs_memory,
      .argv = RECAP_TRY(null_terminated(run.spec.argv)),
      .envp = RECAP_TRY(null_terminated(run.spec.envp)),
  };
  run.messages = std::move(messages.a);
  run.failure = std::move(failure.read);
  linux::Child stub = RECAP_TRY(engine::spawn_stub(plan));
  run.stub = std::move(stub.pidfd);
  run.stub_pid = static_cast<std::uint32_t>(stub.pid);
  engine::release_stdio();  // the pipes' ends are the function's
  // Without it nobody would know the stub again; it is still at its gate.
  const std::uint64_t start_time = RECAP_TRY(linux::start_time_of(stub.pid));
  return run.ledger->append({.step = Step::kStub, .a = run.stub_pid, .b = start_time});
}

// The stub builds the Capsule's root meanwhile.
Status make_devices(ActiveRun& run) {
  run.devices = RECAP_TRY(engine::make_devices(run.spec, run.ids, run.layers));
  RECAP_TRY(engine::send_devices(run.messages.get(), run.devices));
  release_staged_mounts(run);
  return {};
}

// And for this it waits at its gate.
Status open_gate(ActiveRun& run) {
  RECAP_TRY(run.cgroup.emplace().make(run.spec, *run.ledger));
  RECAP_TRY(see_that_descriptors_are_left());
  RECAP_TRY(run.ledger->append({.step = Step::kFunction}));
  RECAP_TRY(run.cgroup->send_entry(run.messages.get()));
  run.gate_open = true;
  return {};
}

// Why the Capsule is not to be attached any more, if so.
Status still_wanted(ActiveRun& run, std::uint64_t attach_deadline_ns) {
  if (run.target_gone) {
    return Error(base::Kind::kGone, "the target ended while the Capsule was being attached");
  }
  if (run.stubs_left || run.outer_stub_lost || run.inner_stub_lost) {
    return Error(base::Kind::kGone, "the stub was killed while the Capsule was being attached");
  }
  if (run.asked_to_end) {
    return Error(base::Kind::kGone, "the run was ended while the Capsule was being attached");
  }
  if (time_left_ms(run) == 0) {
    run.asked_to_end = run::Reason::kDeadline;
    return Error(base::Kind::kTimeout,
                 "the deadline passed while the Capsule was being attached: see --timeout");
  }
  if (linux::monotonic_ns() >= attach_deadline_ns) {
    return Error(
        base::Kind::kTimeout,
        "the Capsule could not be attached within 10 s: is the target stopped or overloaded?");
  }
  return {};
}

// Until the function's exec or a failure of a stub: then the pipe that exec closes ends.
Status wait_for_exec(ActiveRun& run) {
  const std::uint64_t deadline = linux::monotonic_ns() + kAttachDeadlineMs * 1'000'000;
  linux::PollFd exec{.fd = run.failure.get(), .events = linux::kPollIn};
  while (exec.revents == 0) {
    RECAP_TRY(still_wanted(run, deadline));
    const auto attach_left =
        static_cast<std::int64_t>((deadline - linux::monotonic_ns()) / 1'000'000) + 1;
    const std::int64_t left = time_left_ms(run);
    RECAP_TRY(watch_once(run, left < 0 ? attach_left : std::min(left, attach_left), &exec));
  }
  return {};
}

Status take_exec(ActiveRun& run, int& exit_code) {
  engine::StubFailure failure;
  const std::size_t got =
      RECAP_TRY(linux::read_all(run.failure.get(), std::as_writable_bytes(std::span(&failure, 1))));
  if (got == sizeof failure) {
    run.failure_told = true;
    exit_code = failure.exit_code;
    return Error(static_cast<base::Kind>(failure.kind), std::string_view(failure.message.data()));
  }
  run.failure.reset();
  RECAP_TRY(watch_once(run, 0));  // takes in kFunctionForked, sent before the pipe closed
  if (!run.function_forked) {
    return Error(base::Kind::kGone, "the stub was killed while the Capsule was being attached");
  }
  return {};
}

// A stub that fails leaves before it is looked at, or takes what it is sent. Then it counts what it
// told, not that it is not there.
Status or_why_it_left(ActiveRun& run, Status done, int& exit_code) {
  linux::PollFd told[] = {{.fd = run.failure.get(), .events = linux::kPollIn}};
  return done || !run.stub.valid() || linux::poll(told, 0).value_or(0) == 0
             ? std::move(done)
             : take_exec(run, exit_code);
}

Status attach(ActiveRun& run, int& exit_code) {
  RECAP_TRY(open_ledger(run));
  RECAP_TRY(make_ids(run));
  RECAP_TRY(hold_on_to_target(run));
  RECAP_TRY(stage_files(run));
  RECAP_TRY(redirect_output(run));
  RECAP_TRY(or_why_it_left(run, spawn_stub(run), exit_code));
  // From here on something of ours is in the target, and goes no further than its gate.
  RECAP_TRY(or_why_it_left(run, make_devices(run), exit_code));
  RECAP_TRY(open_control(run));
  RECAP_TRY(open_record(run));
  RECAP_TRY(open_logs(run));
  RECAP_TRY(or_why_it_left(run, open_gate(run), exit_code));
  RECAP_TRY(wait_for_exec(run));
  RECAP_TRY(take_exec(run, exit_code));
  announce(run);  // the function runs
  return {};
}

}  // namespace

Status start(ActiveRun& run, int& exit_code) {
  exit_code = 125;
  Status attached = attach(run, exit_code);
  if (!attached) {
    release_staged_mounts(run);  // Escape looks who still holds them
  }
  return attached;
}

}  // namespace recap::keeper
