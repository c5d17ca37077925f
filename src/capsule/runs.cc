// SPDX-License-Identifier: Apache-2.0
// Everything is read by descriptor from the state directory, which only root can write; a file
// that vanishes while it is looked at belongs to a run that just ended.
#include "capsule/runs.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"

namespace recap::capsule {
namespace {

using base::Error;
using base::Kind;
using base::Result;

// The whole of a small file. kCorrupt when it is larger than `limit`.
Result<std::vector<std::byte>> read_whole(int dir, const char* name, std::size_t limit) {
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(dir, name, O_RDONLY | O_NOFOLLOW));
  std::vector<std::byte> bytes(16384);
  std::size_t used = 0;
  for (;;) {
    const std::size_t n = RECAP_TRY(linux::read_all(file.get(), std::span(bytes).subspan(used)));
    used += n;
    if (used < bytes.size()) {
      break;
    }
    if (used > limit) {
      return Error(Kind::kCorrupt, base::concat<120>("the file ", name, " is too large"));
    }
    bytes.resize(used * 2);
  }
  bytes.resize(used);
  return bytes;
}

std::unique_ptr<StoredSpec> read_spec(int run_dir) {
  auto bytes = read_whole(run_dir, "spec", run::kMaxSpecBytes);
  if (!bytes) {
    return nullptr;
  }
  auto stored = std::make_unique<StoredSpec>();
  stored->bytes = *std::move(bytes);
  std::vector<std::string_view> room(run::kMaxWords * 2);
  auto spec = run::decode(stored->bytes, room);
  if (!spec) {
    return nullptr;
  }
  // Most runs have a few words: keep those instead of the room for all that could be.
  const std::size_t argc = spec->argv.size();
  stored->words.assign(spec->argv.begin(), spec->argv.end());
  stored->words.insert(stored->words.end(), spec->envp.begin(), spec->envp.end());
  stored->spec = *spec;
  stored->spec.argv = std::span(stored->words).first(argc);
  stored->spec.envp = std::span(stored->words).subspan(argc);
  return stored;
}

// The directory comes first and the pid file next; what lies between takes no second.
bool is_young(int run_dir) {
  constexpr std::int64_t kStartingSeconds = 5;
  const auto info = linux::stat_at(run_dir, "", AT_EMPTY_PATH);
  return info && linux::wall_clock_s() - info->stx_mtime.tv_sec < kStartingSeconds;
}

Result<Run> read_live(int runs_dir, const std::string& id) {
  const linux::DirFd dir = RECAP_TRY(linux::open_dir_at(runs_dir, id.c_str()));
  Run run;
  run.id = id;
  run.life = Life::kDead;
  std::array<char, 64> buffer;
  const auto text = linux::read_file_at(dir.get(), "pid", buffer);
  const auto keeper = text ? parse_pid_file(*text) : std::nullopt;
  if (keeper && is_alive(*keeper)) {
    run.life = Life::kLive;
    run.keeper_pid = keeper->pid;
  } else if (!keeper && is_young(dir.get())) {
    run.life = Life::kLive;
  }
  run.spec = read_spec(dir.get());
  return run;
}

// Names in `dir` that are run ids.
Result<std::vector<std::string>> ids_in(const linux::DirFd& dir) {
  std::vector<std::string> ids;
  RECAP_TRY(linux::each_entry(dir.get(), [&](const char* name, unsigned char) {
    if (is_run_id(name)) {
      ids.emplace_back(name);
    }
    return true;
  }));
  return ids;
}

// What `read` makes of each run id in the directory `path`; an absent directory has none.
template <typename Read>
Result<std::vector<Run>> read_all_in(const std::string& path, Read read) {
  std::vector<Run> runs;
  const auto dir = linux::open_dir_at(linux::kCwd, path.c_str());
  if (!dir) {
    if (dir.error().kind() == Kind::kNotFound) {
      return runs;
    }
    return dir.error();
  }
  for (const std::string& id : RECAP_TRY(ids_in(*dir))) {
    if (auto run = read(dir->get(), id)) {
      runs.push_back(*std::move(run));
    }
  }
  return runs;
}

Result<StoredRecord> read_record_at(int records_dir, const std::string& id) {
  StoredRecord stored;
  stored.bytes = RECAP_TRY(read_whole(records_dir, id.c_str(), run::kMaxRecordBytes));
  stored.record = RECAP_TRY(run::decode_record(stored.bytes));
  return stored;
}

Result<Run> read_ended(int records_dir, const std::string& id) {
  auto stored = std::make_unique<StoredRecord>(RECAP_TRY(read_record_at(records_dir, id)));
  Run run;
  run.id = id;
  run.record = std::move(stored);
  return run;
}

std::uint64_t started(const Run& run) {
  if (run.record) {
    return static_cast<std::uint64_t>(run.record->record.started_at_s);
  }
  return run.spec ? run.spec->spec.requested_ns : 0;
}

void sort_by_start(std::vector<Run>& runs) {
  std::ranges::sort(runs, [](const Run& a, const Run& b) {
    return std::pair(started(a), std::string_view(a.id)) <
           std::pair(started(b), std::string_view(b.id));
  });
}

}  // namespace

std::string_view Run::name() const {
  if (record && !record->record.name.empty()) {
    return record->record.name;
  }
  return spec && !spec->spec.name.empty() ? spec->spec.name : std::string_view(id);
}

const run::TargetId* Run::target() const {
  return record ? &record->record.target : spec ? &spec->spec.target : nullptr;
}

const run::ImageId* Run::image() const {
  return record ? &record->record.image : spec ? &spec->spec.image : nullptr;
}

bool is_run_id(std::string_view text) {
  return !text.empty() && text.size() <= 40 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::optional<KeeperId> parse_pid_file(std::string_view text) {
  KeeperId keeper;
  const char* const end = text.data() + text.size();
  const auto pid = std::from_chars(text.data(), end, keeper.pid);
  if (pid.ec != std::errc{} || pid.ptr == end || *pid.ptr != ' ' || keeper.pid == 0) {
    return std::nullopt;
  }
  const auto start = std::from_chars(pid.ptr + 1, end, keeper.start_time);
  if (start.ec != std::errc{} || std::string_view(start.ptr, end) != "\n") {
    return std::nullopt;
  }
  return keeper;
}

bool is_alive(const KeeperId& keeper) {
  const int pid = static_cast<int>(keeper.pid);
  const auto start = linux::start_time_of(pid);
  const auto state = linux::state_of(pid);
  return start && *start == keeper.start_time && state && *state != 'Z' && *state != 'X';
}

Result<std::vector<Run>> list_live(const Dirs& dirs) {
  auto runs = RECAP_TRY(read_all_in(dirs.runs(), read_live).context("the live runs"));
  sort_by_start(runs);
  return runs;
}

Result<std::vector<Run>> list_ended(const Dirs& dirs) {
  auto runs = RECAP_TRY(read_all_in(dirs.records(), read_ended).context("the records"));
  // Space is reserved when a run starts, and what its keeper notes early is no end.
  std::erase_if(runs,
                [](const Run& run) { return run.record->record.reason == run::Reason::kNotEnded; });
  sort_by_start(runs);
  return runs;
}

Result<StoredRecord> read_record(const Dirs& dirs, std::string_view id) {
  const linux::DirFd dir = RECAP_TRY(linux::open_dir_at(linux::kCwd, dirs.records().c_str()));
  return read_record_at(dir.get(), std::string(id));
}

}  // namespace recap::capsule
