// SPDX-License-Identifier: Apache-2.0
// recap-keeper: one per run. Run, watch, Escape.
//
// `recap-keeper run CGROUP_PARENT` with the descriptors of run::KeeperFd, most of which come with
// the Assignment; or `recap-keeper recover` with the directory of a dead run as descriptor 3.
#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <new>

#include "engine/confine.h"
#include "engine/host.h"
#include "keeper/active_run.h"
#include "keeper/clients.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "run/control.h"

namespace recap::keeper {

// The keeper has one run. Its memory is zero pages until used, not bytes of the program.
ActiveRun& the_run() {
  alignas(ActiveRun) static std::byte storage[sizeof(ActiveRun)];
  static ActiveRun* const run = new (&storage[0]) ActiveRun;
  return *run;
}

namespace {

Result<run::Spec> read_spec(std::span<const std::byte>& encoded) {
  const struct statx st = RECAP_TRY(linux::stat_at(run::kSpecFd, "", AT_EMPTY_PATH));
  if (st.stx_size == 0 || st.stx_size > run::kMaxSpecBytes) {
    return Error(base::Kind::kInvalid, "the run's specification has a wrong size");
  }
  encoded = RECAP_TRY(linux::map_file(run::kSpecFd, st.stx_size));
  const auto memory = RECAP_TRY(linux::map_memory(2 * run::kMaxWords * sizeof(std::string_view)));
  return run::decode(encoded,
                     {reinterpret_cast<std::string_view*>(memory.data()), 2 * run::kMaxWords});
}

}  // namespace

void describe(ActiveRun& run) {
  const run::Spec& spec = run.spec;
  run::Record& record = run.record;
  record.run_id = spec.run_id;
  record.name = spec.name;
  record.requester = spec.requester;
  record.target = spec.target;
  record.image = spec.image;
  record.basis = spec.basis;
  for (const std::string_view word : spec.argv) {
    run.command_text.append(run.command_text.empty() ? "" : " ").append(word);
  }
  record.command = run.command_text;
  record.share = spec.share;
  record.view = spec.view;
  record.paths = spec.paths;
  record.path_count = spec.path_count;
  record.run_as = spec.run_as;
  record.capabilities = spec.capabilities;
  record.profile = spec.profile;
  record.landlocked = engine::is_landlocked(spec.profile);
  record.started_at_s = linux::wall_clock_s();
}

namespace {

// Puts what the run is about at its KeeperFd numbers. kGone when there is to be no run.
Status take_assignment() {
  run::Assignment assignment;
  std::array<linux::UniqueFd, 3> fds;
  const std::size_t size = RECAP_TRY(
      linux::receive(run::kCallerFd, std::as_writable_bytes(std::span(&assignment, 1)), fds));
  if (size != sizeof assignment || assignment.version != run::kControlVersion) {
    return Error(base::Kind::kGone, "the caller has nothing to run");
  }
  RECAP_TRY(linux::duplicate_to(fds[0].get(), run::kSpecFd));
  RECAP_TRY(linux::duplicate_to(fds[1].get(), run::kTargetFd));
  fds[0].reset();
  fds[1].reset();
  if (assignment.has_out) {
    return linux::duplicate_to(fds[2].get(), run::kOutFd);
  }
  linux::close_fd(run::kOutFd);
  return {};
}

// There are no books yet, and nothing to undo.
int decline(ActiveRun& run, const Error& why) {
  run.record.reason = run::Reason::kFailed;
  run.record.exit_code = 125;
  run.say(why.message());
  answer_everybody(run);
  return 125;
}

int keep(const char* cgroup_parent) {
  ActiveRun& run = the_run();
  Status started = engine::move_to_host(cgroup_parent, run::kCallerFd);
  // The caller still finds out what is wanted. Should this fail, who needs it tries again.
  if (auto early = engine::NewUserNamespace::start()) {
    run.new_user_ns = *std::move(early);
  }
  const Status assigned = take_assignment();
  if (!assigned) {
    return assigned.error().kind() == base::Kind::kGone ? 0 : decline(run, assigned.error());
  }
  auto spec = read_spec(run.encoded_spec);
  if (!spec) {
    return decline(run, spec.error());
  }
  run.spec = *spec;
  describe(run);
  int failure_code = 125;
  if (started) {
    started = start(run, failure_code);
  }
  run.record.uid = run.ids.uid;
  run.record.idmapped = run.layers.idmapped ? 1 : 0;
  if (!started) {
    escape(run, run.asked_to_end.value_or(run::Reason::kFailed), &started.error(), failure_code);
    return 125;
  }
  escape(run, watch(run), nullptr, 0);
  return 0;
}

}  // namespace

}  // namespace recap::keeper

extern "C" int recap_keeper_main(int argc, const char* const* argv) {
  if (argc == 2 && std::string_view(argv[1]) == "recover") {
    return recap::keeper::recover(recap::run::kSpecFd);
  }
  return argc == 3 ? recap::keeper::keep(argv[2]) : 125;
}
