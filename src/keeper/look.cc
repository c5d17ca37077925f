// SPDX-License-Identifier: Apache-2.0
#include "keeper/look.h"

#include <utility>

#include "engine/connections.h"
#include "linux/net_dump.h"
#include "linux/process.h"

namespace recap::keeper {

namespace {

engine::Observation observe(const ActiveRun& run) {
  return engine::observe(run.spec, run.ids, {.view = &run.view, .ipc_ns = run.target_ipc.get()});
}

constexpr std::int64_t kRoundMs = 10;
constexpr std::uint64_t kStandstillNs = 1'000'000'000;

// What the function sent is on its way: as long as the other end takes it, and the grace lasts.
Status let_connections_end(ActiveRun& run, int sock_diag) {
  const std::uint64_t end = linux::monotonic_ns() + run.spec.limits.grace_ms * 1'000'000;
  std::uint64_t last_unsent = 0;
  std::uint64_t moved_at = linux::monotonic_ns();
  while (true) {
    const engine::Orphans orphans = RECAP_TRY(engine::find_orphans(sock_diag, run.ids));
    const std::uint64_t now = linux::monotonic_ns();
    moved_at = orphans.unsent_bytes != last_unsent ? now : moved_at;
    last_unsent = orphans.unsent_bytes;
    if (orphans.count == 0 || now >= end || now - moved_at >= kStandstillNs) {
      return {};
    }
    (void)watch_once(run, kRoundMs);
  }
}

Result<std::size_t> connections_left(ActiveRun& run) {
  const linux::UniqueFd sock_diag =
      RECAP_TRY(linux::open_netlink_in(run::kTargetFd, linux::kNetlinkSockDiag));
  RECAP_TRY(let_connections_end(run, sock_diag.get()));
  return engine::destroy_orphans(sock_diag.get(), run.ids);
}

}  // namespace

void end_connections(ActiveRun& run) {
  const bool may_have_any = run.is_attached && (run.spec.share & run::kShareNet) != 0;
  if (!may_have_any || run.target_gone || !engine::orphans_exist()) {
    return;
  }
  const auto left = connections_left(run);
  if (!left) {
    run.add_residue("unverified", left.error().message());
  } else if (*left != 0) {
    run.add_residue("network",
                    base::concat<160>("connections that the function closed, and that the kernel "
                                      "keeps for their other end: ",
                                      *left));
  }
}

void look_at_target(ActiveRun& run) {
  if (engine::looks_at(run.spec) == 0) {
    return;
  }
  auto view = engine::take_viewpoint(run.spec, run::kTargetFd);
  if (!view) {
    run.before.status = std::move(view).error();  // to be said at Escape
    return;
  }
  run.view = *std::move(view);
  run.before = observe(run);
}

// A target that ended took its processes along; its other namespaces may live on in a pod, but what
// changed in them with its end is not the function's doing.
void compare_target(ActiveRun& run) {
  const std::uint8_t dead = run.target_gone ? engine::kLooksAtProcesses : 0;
  const bool is_recovered = !run.messages.valid();
  const bool may_have_run = is_recovered ? run.gate_open : run.function_forked;
  if (!may_have_run || (engine::looks_at(run.spec) & ~dead) == 0) {
    return;
  }
  if (is_recovered || run.target_gone) {
    run.add_residue(
        "unverified",
        base::concat<160>("what the function may have changed in the target was not compared: ",
                          run.target_gone ? "the target ended" : "the keeper was killed"));
    return;
  }
  engine::compare(run.before, observe(run),
                  [&run](std::string_view what) { run.add_named_residue(what); });
}

}  // namespace recap::keeper
