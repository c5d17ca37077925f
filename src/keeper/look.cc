// SPDX-License-Identifier: Apache-2.0
#include "keeper/look.h"

#include <utility>

namespace recap::keeper {

namespace {

engine::Observation observe(const ActiveRun& run) {
  return engine::observe(run.spec, run.ids, {.view = &run.view, .ipc_ns = run.target_ipc.get()});
}

}  // namespace

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
