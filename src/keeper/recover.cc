// SPDX-License-Identifier: Apache-2.0
// Escape for a run whose keeper died, from its ledger alone. Its stubs went on: when the function
// ends they leave by themselves, so the cleaner kills only what is in the run's cgroup. And the
// rest of an Escape whose keeper had to leave something.
//
// Known limit: the orphaned stub of a run whose caller has gone too is reaped by the host's init;
// until that has done so the stub shows as a zombie.
#include <fcntl.h>

#include "engine/host.h"
#include "engine/ipc.h"
#include "keeper/active_run.h"
#include "keeper/books.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::keeper {

namespace {

using run::Step;

Result<std::string_view> name_of_dir(int dir, base::FixedString<512>& storage) {
  std::array<char, 4096> buffer;
  const auto link = base::concat<32>("/proc/self/fd/", dir);
  const std::string_view path = RECAP_TRY(linux::read_link_at(linux::kCwd, link.c_str(), buffer));
  storage = base::FixedString<512>(path.substr(path.rfind('/') + 1));
  return storage.view();
}

// All that is known of a keeper that died before it had made its ledger.
Status open_books(ActiveRun& run, int run_dir) {
  // Keeps the number free until the target is found; what is opened before must not get it.
  RECAP_TRY(linux::duplicate_to(run_dir, run::kTargetFd));
  run.run_dir = RECAP_TRY(linux::open_dir_at(run_dir, "."));
  run.state_dir = RECAP_TRY(linux::open_dir_at(run_dir, "../.."));
  run.spec.run_id = RECAP_TRY(name_of_dir(run_dir, run.name_text));
  return {};
}

Result<run::LedgerContents> read_ledger(ActiveRun& run) {
  const int run_dir = run.run_dir.get();
  run.ledger = RECAP_TRY(run::Ledger::adopt(run_dir, "ledger"));
  const auto memory = RECAP_TRY(linux::map_memory(run::kMaxLedgerBytes));
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(run_dir, "ledger", O_RDONLY));
  const std::size_t size = RECAP_TRY(linux::read_all(file.get(), memory));
  if (size == memory.size()) {
    return Error(base::Kind::kCorrupt, "the ledger is too long");
  }
  return run::read_ledger(memory.first(size));
}

Status read_spec(ActiveRun& run) {
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(run.run_dir.get(), "spec", O_RDONLY));
  const auto buffer = RECAP_TRY(linux::map_memory(run::kMaxSpecBytes));
  const std::size_t size = RECAP_TRY(linux::read_all(file.get(), buffer));
  const auto memory = RECAP_TRY(linux::map_memory(2 * run::kMaxWords * sizeof(std::string_view)));
  run.spec =
      RECAP_TRY(run::decode(buffer.first(size), {reinterpret_cast<std::string_view*>(memory.data()),
                                                 2 * run::kMaxWords}));
  return {};
}

// The process, if it still is the one that was written down.
Result<linux::PidFd> open_exactly(std::uint64_t pid, std::uint64_t start_time) {
  linux::PidFd pidfd = RECAP_TRY(linux::open_pidfd(static_cast<int>(pid)));
  if (RECAP_TRY(linux::start_time_of(static_cast<int>(pid))) != start_time) {
    return Error(base::Kind::kGone, "the process is another one");
  }
  return pidfd;
}

// What is not there any more needs nothing; what could not be looked at is a failure.
bool is_gone(const Error& error) {
  return error.kind() == base::Kind::kGone || error.kind() == base::Kind::kNotFound;
}

Status find_target(ActiveRun& run) {
  run.target_gone = true;
  if (run.spec.target.pid == 0) {
    return {};  // its keeper died before it had written that down
  }
  auto target = open_exactly(run.spec.target.pid, run.spec.target.start_time);
  if (!target) {
    return is_gone(target.error()) ? Status{} : std::move(target).error();
  }
  RECAP_TRY(linux::duplicate_to(target->get(), run::kTargetFd));
  auto ipc = engine::open_ipc_namespace(run.spec.target.pid);
  if (!ipc && !is_gone(ipc.error())) {
    return std::move(ipc).error();
  }
  run.target_gone = !ipc || !linux::send_signal(run::kTargetFd, 0);
  if (!run.target_gone && (run.spec.share & run::kShareIpc) != 0) {
    run.target_ipc = *std::move(ipc);
  }
  return {};
}

Status find_stub(ActiveRun& run, const run::LedgerContents& ledger) {
  run.stubs_left = true;
  const run::LedgerEntry* entry = ledger.find(Step::kStub);
  if (entry == nullptr) {
    return {};
  }
  auto stub = open_exactly(entry->a, entry->b);
  if (!stub) {
    return is_gone(stub.error()) ? Status{} : std::move(stub).error();
  }
  run.stub = std::move(*stub);
  run.stub_pid = static_cast<std::uint32_t>(entry->a);
  run.stubs_left = false;
  return {};
}

Status open_record_again(ActiveRun& run) {
  if (run.spec.record_dir.empty()) {
    return {};  // nobody knows where it would be
  }
  run.record_dir = RECAP_TRY(open_own_dir(linux::kCwd, run.spec.record_dir.data()));
  run.record_file = RECAP_TRY(linux::open_at(run.record_dir.get(), run.spec.run_id.data(),
                                             O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
  return {};
}

// Of a run whose record was written: it stands, but for what can be removed now.
Status reopen_record(ActiveRun& run) {
  run.record_dir = RECAP_TRY(open_own_dir(linux::kCwd, run.spec.record_dir.data()));
  const linux::UniqueFd written =
      RECAP_TRY(linux::open_at(run.record_dir.get(), run.spec.run_id.data(), O_RDONLY));
  const auto memory = RECAP_TRY(linux::map_memory(run::kMaxRecordBytes));
  const std::size_t size = RECAP_TRY(linux::read_all(written.get(), memory));
  run.record = RECAP_TRY(run::decode_record(memory.first(size)));
  run.record_file =
      RECAP_TRY(linux::open_at(run.record_dir.get(), run.spec.run_id.data(), O_WRONLY));
  run.is_left = true;
  return {};
}

// Those of the run whose end nobody of us has seen.
Status find_files(ActiveRun& run, const run::LedgerContents& ledger) {
  const run::LedgerEntry* files = ledger.find(Step::kFiles);
  for (const std::uint64_t number :
       {files != nullptr ? files->a : 0, files != nullptr ? files->b : 0}) {
    RECAP_TRY(number != 0 ? run.files_end.add_number(number) : Status{});
  }
  return {};
}

Status take_over(ActiveRun& run, const run::LedgerContents& ledger) {
  if (auto spec = read_spec(run); !spec && spec.error().kind() == base::Kind::kUnsupported) {
    return Error(base::Kind::kBusy, "the run is another version's to recover");
  } else if (!spec) {
    run.spec.cgroup_parent = "recap";  // it left what its ledger says; we need a place of our own
  }
  describe(run);
  RECAP_TRY(engine::move_to_host(run.spec.cgroup_parent, -1));
  if (const run::LedgerEntry* uid = ledger.find(Step::kUid)) {
    run.ids.block_first =
        engine::kFirstUid + static_cast<std::uint32_t>(uid->a) * engine::kIdsPerRun;
    run.record.uid = run.ids.block_first + run.spec.image_uid;
  }
  run.gate_open = ledger.find(Step::kFunction) != nullptr;
  run.used_storage = run.gate_open;  // nobody will tell
  const run::LedgerEntry* begin = ledger.find(Step::kBegin);
  const linux::BootId boot = RECAP_TRY(linux::boot_id());
  if (begin != nullptr && begin->text == boot.view()) {
    run.cgroup = RECAP_TRY(engine::RunCgroup::adopt(ledger));
    RECAP_TRY(find_files(run, ledger));
    RECAP_TRY(find_target(run));
    RECAP_TRY(find_stub(run, ledger));
  } else {
    run.target_gone = true;  // another boot: only files can be left
    run.stubs_left = true;
  }
  if (ledger.find(Step::kLeft) != nullptr) {
    return reopen_record(run);
  }
  (void)open_record_again(run);  // to clean up without one is better than not to
  return {};
}

}  // namespace

int recover(int run_dir) {
  constexpr int kNotDone = 125;
  ActiveRun& run = the_run();
  run.caller_listens = false;
  if (!open_books(run, run_dir)) {
    return kNotDone;
  }
  auto ledger = read_ledger(run);
  if (!ledger && ledger.error().kind() == base::Kind::kNotFound) {
    (void)remove_run_dir(run);  // its keeper died before it had made anything
    return 0;
  }
  // Whatever else prevents this, the ledger has to be there for who tries again.
  const Status taken = ledger ? take_over(run, *ledger) : Status(std::move(ledger).error());
  if (!taken) {
    const bool is_anothers = taken.error().kind() == base::Kind::kBusy;
    return is_anothers ? 0 : kNotDone;  // its keeper lives, or another cleaner is at it
  }
  if (run.is_left) {
    finish_escape(run);
    return 0;
  }
  run.say("the keeper of this run was killed; a later one cleaned up");
  escape(run, run::Reason::kKeeperGone, nullptr, 0);
  return 0;
}

}  // namespace recap::keeper
