// SPDX-License-Identifier: Apache-2.0
// One run, as its keeper holds it: what it was told, what it made, and what it saw. The verbs are
// in run.cc (make it), watch.cc (follow it) and escape.cc (undo it).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "engine/cgroup.h"
#include "engine/ids.h"
#include "engine/kernel_fs.h"
#include "engine/log.h"
#include "engine/observe.h"
#include "engine/rootfs.h"
#include "engine/stub.h"
#include "linux/socket.h"
#include "linux/unique_fd.h"
#include "linux/unmount.h"
#include "run/ledger.h"
#include "run/record.h"
#include "run/spec.h"

namespace recap::keeper {

using base::Error;
using base::Result;
using base::Status;

// Who is attached (recap attach, logs -f, cp) leaves room for those who want to end the run.
inline constexpr std::size_t kMaxAttached = 8;
inline constexpr std::size_t kMaxClients = kMaxAttached + 4;

struct ActiveRun {
  run::Spec spec;
  std::span<const std::byte> encoded_spec;

  // The books.
  linux::DirFd state_dir, run_dir, record_dir;
  std::optional<run::Ledger> ledger;
  linux::UniqueFd record_file;

  // What exists because of this run.
  std::optional<engine::RunCgroup> cgroup;
  engine::RunIds ids;
  engine::Layers layers;
  engine::Devices devices;
  engine::VolumeList volumes;
  linux::Mount out, mask;
  std::optional<engine::NewUserNamespace> new_user_ns;  // made while there was nothing to do
  linux::UniqueFd user_ns;
  linux::PidFd stub, inner_stub, function;
  std::uint32_t stub_pid = 0;
  engine::StubsMemory* stubs_memory = nullptr;

  // Whom it listens to.
  linux::UniqueFd messages;       // the stubs
  linux::UniqueFd failure;        // closes when the function's exec succeeded
  linux::UniqueFd target_mounts;  // poll: the target's mount table changed
  linux::UnmountWatch files_end;  // of the scratch space and of /out, when nothing else is left
  linux::UniqueFd target_ipc;     // its ipc namespace, where that is shared; a pod's outlives it
  engine::Viewpoint view;         // of the target, where its grant wants a look
  engine::Observation before;     // what was seen from there before the run
  linux::UniqueFd control;
  bool accept_failed = false;  // then the control socket is not looked at for a moment
  bool caller_listens = true;  // until it is gone or has detached
  struct Client {
    linux::UniqueFd socket;
    bool waits_for_end = false;
    bool is_attached = false;
    bool holds_terminal = false;
  };
  std::array<Client, kMaxClients> clients{};

  // Output of a detached run.
  linux::UniqueFd output[2];
  engine::BoundedLog logs[2];

  // What was seen.
  bool function_forked = false, function_ended = false, stubs_left = false, killed_by_us = false;
  bool gate_open = false;     // the stub was told to go on, and may have done so
  bool is_attached = false;   // the function's exec succeeded
  bool failure_told = false;  // a stub said why it could not
  bool artifacts_complete = false, artifacts_failed = false;
  bool inner_stub_lost = false;
  bool outer_stub_lost = false;      // killed from outside: the inner one has nobody to reap it
  std::int32_t function_status = 0;  // of wait4(2)
  bool used_storage = false;         // page cache may be charged to its cgroup
  bool target_gone = false;
  std::optional<run::Reason> asked_to_end;
  std::uint64_t grace_ms = 0;
  int first_signal = 15;    // SIGTERM
  bool is_left = false;     // an earlier Escape wrote the record, and left something
  bool unfinished = false;  // a process of the run does not die: a later keeper has to end this
  struct Patience {
    std::uint64_t kill_ms = 5000, stub_ms = 2000;
  } patience;
  std::uint64_t ended_ns = 0;

  run::Record record;
  std::array<base::FixedString<run::kMaxResidueBytes>, run::kMaxResidue> residue_text{};
  std::size_t residue_unlisted = 0;
  base::FixedString<run::kMaxMessageBytes> message_text;
  base::FixedString<512> command_text, name_text;

  // Adds to the record; what exceeds its space is counted in the last entry's stead.
  void add_residue(std::string_view what, std::string_view detail);
  // "class: detail", as engine names it; of a class that is none it is unverified.
  void add_named_residue(std::string_view whole);
  // What the requester is told, one sentence after the other.
  void say(std::string_view message);
};

// Builds everything up to the function's exec. On failure the ledger says what has to be undone;
// the failure's exit code is in `exit_code`.
Status start(ActiveRun& run, int& exit_code);

// Follows a started run until there is a reason to end it.
run::Reason watch(ActiveRun& run);

// For the pidfds that the stubs send, and for looking at the cgroup at the end: kExhausted before
// the function starts, which could not be taken back.
Status see_that_descriptors_are_left();

// One round of watching: waits at most `timeout_ms` (negative: any time) for something to happen
// and takes it in. `also` is waited for too; its revents are set. On failure it may not have seen
// all.
Status watch_once(ActiveRun& run, std::int64_t timeout_ms, linux::PollFd* also = nullptr);

// Until the deadline, which counts from the request; negative: there is none.
std::int64_t time_left_ms(const ActiveRun& run);

// Undoes everything, verifies that, writes the record and answers the caller. Never stops at a
// failure; what could not be undone is residue in the record.
void escape(ActiveRun& run, run::Reason reason, const Error* failure, int failure_code);

// The rest of an Escape that had to leave something, `run.record` being what was written then.
void finish_escape(ActiveRun& run);

// The keeper's one run.
ActiveRun& the_run();

// Fills the record with what is known from the spec.
void describe(ActiveRun& run);

// Escape for a run whose keeper died: `run_dir` is its directory.
int recover(int run_dir);

}  // namespace recap::keeper
