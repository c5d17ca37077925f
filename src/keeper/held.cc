// SPDX-License-Identifier: Apache-2.0
#include "keeper/held.h"

#include <algorithm>

#include "engine/ipc.h"
#include "linux/process.h"
#include "linux/unmount.h"

namespace recap::keeper {

namespace {

constexpr std::uint64_t kSlackBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kPatienceMs = 50;

// What the run's files take goes with them; they are looked for by themselves.
std::uint64_t bytes_in_files(const ActiveRun& run) {
  std::uint64_t bytes = 0;
  for (const int fd : {run.layers.upper.get(), run.out.get()}) {
    bytes += fd >= 0 ? linux::used_bytes(fd).value_or(0) : 0;
  }
  return bytes;
}

std::uint64_t held_bytes(const ActiveRun& run) {
  const std::uint64_t in_files = bytes_in_files(run);
  const std::uint64_t charged = run.cgroup->shared_memory_beyond(in_files + kSlackBytes);
  return charged - std::min(charged, in_files);
}

// Before they are counted as held: they are removed again when nothing can make new ones, and told
// of then.
void remove_ipc_objects_early(const ActiveRun& run) {
  if (run.target_ipc.valid()) {
    auto told_later = [](std::string_view) {};
    (void)engine::remove_ipc_objects(run.target_ipc.get(), run.ids, told_later);
  }
}

// Of a run that came to its function, it has long done so.
void let_go(ActiveRun& run) {
  run.layers.upper.reset();
  run.layers.scratch.reset();
  run.devices.shm.reset();
  run.out.reset();
}

}  // namespace

void look_for_held_memory(ActiveRun& run) {
  if (!run.is_attached || run.unfinished || run.record.memory_peak_bytes <= kSlackBytes ||
      held_bytes(run) <= kSlackBytes) {
    return;
  }
  remove_ipc_objects_early(run);
  const std::uint64_t deadline = linux::monotonic_ns() + kPatienceMs * 1'000'000;
  std::uint64_t held = held_bytes(run);
  while (held > kSlackBytes && linux::monotonic_ns() < deadline) {
    (void)watch_once(run, 1);  // the stubs leave, and with them other mounts
    held = held_bytes(run);
  }
  if (held > kSlackBytes) {
    run.add_residue("memory", base::concat<160>("about ", held >> 20U,
                                                " MiB of shared memory are still held by a process "
                                                "outside the run"));
  }
}

void watch_files(ActiveRun& run) {
  if (!run.stubs_left || run.unfinished) {
    return;  // what holds them is told of already
  }
  for (const int fd : {run.layers.upper.get(), run.out.get()}) {
    if (const Status added = fd >= 0 ? run.files_end.add(fd) : Status{}; !added) {
      run.add_residue("unverified", added.error().message());
    }
  }
}

void look_for_held_files(ActiveRun& run) {
  if (run.unfinished) {
    return;
  }
  let_go(run);
  using State = linux::UnmountWatch::State;
  const State state = run.files_end.await(kPatienceMs);
  if (state == State::kHeld) {
    run.add_residue("mount",
                    "the run's scratch space or /out is still held by a process outside "
                    "the run");
  } else if (state == State::kUnknown) {
    run.add_residue("unverified",
                    "whether the run's scratch space is gone is not known: the number of its file "
                    "system is in use, by it or by another");
  }
}

}  // namespace recap::keeper
