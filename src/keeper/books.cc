// SPDX-License-Identifier: Apache-2.0
#include "keeper/books.h"

#include <fcntl.h>

#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "linux/unmount.h"

namespace recap::keeper {

namespace {

constexpr const char* kRunFiles[] = {"control", "pid", "spec", "ledger"};

Status make_dir_if_missing(int dir, const char* path) {
  auto made = linux::make_dir_at(dir, path, 0700);
  return !made && made.error().kind() != base::Kind::kExists ? std::move(made) : Status{};
}

Status write_new_file(int dir, const char* name, std::span<const std::byte> data) {
  const linux::UniqueFd file =
      RECAP_TRY(linux::open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  return linux::write_all(file.get(), data);
}

Status begin_ledger(ActiveRun& run) {
  run.ledger = RECAP_TRY(run::Ledger::create(run.run_dir.get(), "ledger"));
  const linux::BootId boot = RECAP_TRY(linux::boot_id());
  const int pid = linux::own_pid();
  const std::uint64_t start_time = RECAP_TRY(linux::start_time_of(pid));
  RECAP_TRY(run.ledger->append({.step = run::Step::kBegin,
                                .a = static_cast<std::uint64_t>(pid),
                                .b = start_time,
                                .text = boot}));
  const auto who = base::concat<48>(pid, " ", start_time, "\n");
  return write_new_file(run.run_dir.get(), "pid", std::as_bytes(std::span(who.view())));
}

bool has_own_name(const ActiveRun& run) {
  return !run.spec.name.empty() && run.spec.name != run.spec.run_id;
}

base::FixedString<80> name_link(const ActiveRun& run) {
  return base::concat<80>("names/", run.spec.name);
}

// Not in the ledger: the spec, which is written before, says what there is to give back.
Status claim_name(const ActiveRun& run) {
  if (!has_own_name(run)) {
    return {};
  }
  const auto link = [&run] {
    return linux::symlink_at(run.spec.run_id.data(), run.state_dir.get(), name_link(run).c_str());
  };
  Status claimed = link();
  if (!claimed && claimed.error().kind() == base::Kind::kNotFound) {
    RECAP_TRY(make_dir_if_missing(run.state_dir.get(), "names"));
    claimed = link();
  }
  if (claimed || claimed.error().kind() != base::Kind::kExists) {
    return claimed;
  }
  std::array<char, 64> buffer;
  const auto holder = linux::read_link_at(run.state_dir.get(), name_link(run).c_str(), buffer);
  return Error(
      base::Kind::kExists,
      base::concat<300>("the name ", run.spec.name, " is that of the live run ",
                        holder ? *holder : "that ends just now",
                        ": choose another, or end it first with recap stop ", run.spec.name));
}

void release_name(const ActiveRun& run) {
  std::array<char, 64> buffer;
  if (!has_own_name(run)) {
    return;
  }
  const auto holder = linux::read_link_at(run.state_dir.get(), name_link(run).c_str(), buffer);
  if (holder && *holder == run.spec.run_id) {
    (void)linux::unlink_at(run.state_dir.get(), name_link(run).c_str());
  }
}

// In memory that is there already: it has to work when there is no other.
Result<std::span<const std::byte>> encoded_record(const ActiveRun& run) {
  static std::array<std::byte, run::kMaxRecordBytes> buffer;
  const std::size_t size = RECAP_TRY(run::encode(run.record, buffer));
  return std::span<const std::byte>(buffer).first(size);
}

// For what is known now, and all that the outcome may add.
Status reserve_record(const ActiveRun& run) {
  const auto known = RECAP_TRY(encoded_record(run));
  const std::size_t wanted = known.size() + run::kMaxOutcomeBytes;
  if (wanted > run::kMaxRecordBytes) {
    return Error(base::Kind::kInvalid, "it would exceed 256 KiB: declare fewer or shorter paths");
  }
  return linux::reserve_space(run.record_file.get(), wanted);
}

}  // namespace

Result<linux::DirFd> open_own_dir(int dir, const char* path) {
  linux::DirFd opened = RECAP_TRY(linux::open_dir_at(dir, path));
  const struct statx st = RECAP_TRY(linux::stat_at(opened.get(), "", AT_EMPTY_PATH));
  if (st.stx_uid != 0 || (st.stx_mode & 077) != 0) {
    return Error(base::Kind::kDenied,
                 base::concat<400>(path, " must belong to root with mode 0700: correct it").view());
  }
  return opened;
}

Status open_ledger(ActiveRun& run) {
  run.state_dir = RECAP_TRY(open_own_dir(linux::kCwd, run.spec.state_dir.data()));
  for (const char* part : {"runs", "uids"}) {
    RECAP_TRY(make_dir_if_missing(run.state_dir.get(), part));
  }
  const auto path = base::concat<64>("runs/", run.spec.run_id);
  RECAP_TRY(linux::make_dir_at(run.state_dir.get(), path.c_str(), 0700)
                .context("cannot make the run's directory"));
  run.run_dir = RECAP_TRY(linux::open_dir_at(run.state_dir.get(), path.c_str()));
  RECAP_TRY(begin_ledger(run));
  RECAP_TRY(write_new_file(run.run_dir.get(), "spec", run.encoded_spec));
  return claim_name(run);
}

Status write_down_files(ActiveRun& run) {
  run::LedgerEntry files{.step = run::Step::kFiles};
  files.a = RECAP_TRY(linux::file_system_number(run.layers.upper.get()));
  if (run.out.valid()) {
    files.b = RECAP_TRY(linux::file_system_number(run.out.get()));
  }
  return run.ledger->append(files);
}

Status open_control(ActiveRun& run) {
  run.control = RECAP_TRY(linux::listen_at(run.run_dir.get(), "control"));
  return {};
}

Status open_record(ActiveRun& run) {
  run.record_dir = RECAP_TRY(open_own_dir(linux::kCwd, run.spec.record_dir.data()));
  RECAP_TRY(run.ledger->append({.step = run::Step::kRecord}));
  run.record_file = RECAP_TRY(linux::open_at(run.record_dir.get(), run.spec.run_id.data(),
                                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  return reserve_record(run).context("cannot reserve space for the record");
}

Status write_record(ActiveRun& run) {
  return linux::write_all(run.record_file.get(), RECAP_TRY(encoded_record(run)));
}

Status remove_run_dir(ActiveRun& run) {
  release_name(run);
  for (const char* file : kRunFiles) {
    (void)linux::unlink_at(run.run_dir.get(), file);
  }
  const auto path = base::concat<64>("runs/", run.spec.run_id);
  return linux::remove_dir_at(run.state_dir.get(), path.c_str());
}

Status open_logs(ActiveRun& run) {
  constexpr std::string_view kSuffix[] = {".stdout", ".stderr"};
  const int streams = !run.spec.detached && !run.spec.terminal ? 0 : (run.spec.terminal ? 1 : 2);
  for (int i = 0; i < streams; ++i) {
    run.logs[i] = RECAP_TRY(engine::BoundedLog::create(
        run.record_dir.get(), base::concat<80>(run.spec.run_id, kSuffix[i]),
        run.spec.limits.log_bytes));
  }
  return {};
}

}  // namespace recap::keeper
