// SPDX-License-Identifier: Apache-2.0
#include "engine/confine.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <array>

#include "engine/seccomp_profiles.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::engine {

namespace {

// Groups of the image are ids of the image: they count from the run's block.
Status take_host_ids(const run::Spec& spec, const RunIds& ids) {
  std::array<std::uint32_t, run::kMaxGroups + 1> groups{ids.gid};
  std::size_t count = 1;
  for (std::size_t i = 0; ids.block_first != 0 && i < spec.group_count; ++i) {
    if (spec.groups[i] < kIdsPerRun) {
      groups[count++] = ids.block_first + spec.groups[i];
    }
  }
  RECAP_TRY(linux::set_groups(std::span(groups).first(count)));
  RECAP_TRY(linux::set_gid(ids.gid));
  return linux::set_uid(ids.uid);
}

// Joining grants every capability inside, which the calls after this use up.
Status enter_user_ns(const run::Spec& spec, const RunIds& ids, int user_ns) {
  if (spec.run_as == run::RunAs::kTarget) {
    // The target's uid is known as the host's number here; inside it has another one.
    RECAP_TRY(linux::keep_capabilities());
    RECAP_TRY(take_host_ids(spec, ids));
    RECAP_TRY(linux::regain_capabilities());
    return linux::join(user_ns, linux::Ns::kUser);
  }
  RECAP_TRY(linux::join(user_ns, linux::Ns::kUser));
  RECAP_TRY(linux::set_groups({}));
  RECAP_TRY(linux::set_gid(0));
  return linux::set_uid(0);
}

Status enter_landlock(const run::Spec& spec, const OwnPlaces& own) {
  const bool may_signal = spec.run_as != run::RunAs::kReserved ||
                          (spec.capabilities & linux::capability(kCapKill)) != 0;
  // Abstract sockets belong to the network namespace, whoever shares it: over one, a descriptor of
  // the Capsule could be handed out, or a service of the target or the node be reached.
  const auto landlock = RECAP_TRY(linux::Landlock::create(!may_signal, true));
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  if (spec.view != run::View::kMerged) {
    RECAP_TRY(landlock.allow_everything(root.get()));
    return landlock.enter();
  }
  RECAP_TRY(landlock.allow_everything_but_execute(root.get()));
  Status worst;
  own.each([&](const char* place) {
    // A link is left out: what it leads to counts by its own place.
    if (const auto found = linux::open_beneath(root.get(), place, O_PATH); found && worst) {
      worst = landlock.allow_execute(found->get());
    }
  });
  RECAP_TRY(std::move(worst));
  return landlock.enter();
}

std::span<const linux::BpfInstruction> as_program(std::span<const sock_filter> filter) {
  static_assert(sizeof(filter[0]) == sizeof(linux::BpfInstruction));
  return {reinterpret_cast<const linux::BpfInstruction*>(filter.data()), filter.size()};
}

}  // namespace

std::span<const linux::BpfInstruction> seccomp_program(run::Profile profile) {
  return as_program(seccomp::filter_of(profile));
}

Status give_up_everything_in_child() {
  RECAP_TRY(linux::set_groups({}));
  RECAP_TRY(linux::set_gid(kStubUid));
  RECAP_TRY(linux::set_uid(kStubUid));
  RECAP_TRY(linux::set_capabilities(0));
  RECAP_TRY(linux::set_no_new_privs());
  return linux::install_seccomp(as_program(seccomp::kStub));
}

bool is_landlocked(run::Profile profile) {
  return profile != run::Profile::kTrace && linux::landlock_abi() > 0;
}

Status drop_privileges_in_child(const run::Spec& spec, const RunIds& ids, int user_ns) {
  // A core would go to a program on the host, with the run's memory. At 0 the kernel asks that only
  // for files; 1 is its word for no core at all (fs/coredump.c).
  RECAP_TRY(linux::limit_resource(RLIMIT_CORE, 1, 1));
  if ((spec.share & run::kShareIpc) != 0) {
    RECAP_TRY(linux::limit_resource(RLIMIT_MSGQUEUE, 0, 0));  // engine/ipc.h says why
  }
  RECAP_TRY(linux::new_session_keyring());
  const std::uint64_t held = held_capabilities(spec.capabilities);
  if (user_ns >= 0) {
    RECAP_TRY(enter_user_ns(spec, ids, user_ns));
  }
  // Before the ids change, while CAP_SETPCAP is there; with these bits set, leaving uid 0 changes
  // no capability by itself.
  RECAP_TRY(linux::lock_securebits());
  RECAP_TRY(linux::limit_bounding_set(held));
  if (user_ns < 0) {
    RECAP_TRY(take_host_ids(spec, ids));
  }
  return linux::set_capabilities(held);
}

Status lock_down_in_child(const run::Spec& spec, const OwnPlaces& own) {
  RECAP_TRY(linux::set_no_new_privs());
  if (spec.profile != run::Profile::kTrace) {
    RECAP_TRY(enter_landlock(spec, own));
  }
  return linux::install_seccomp(seccomp_program(spec.profile));
}

}  // namespace recap::engine
