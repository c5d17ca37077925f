// SPDX-License-Identifier: Apache-2.0
#include "caplet/records.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "capsule/runs.h"
#include "linux/fs.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

bool is_caplets(std::string_view requester) {
  return requester.starts_with("Capsule/") || requester.starts_with("ClusterCapsule/") ||
         requester.starts_with("CapsuleRun/");
}

}  // namespace

void remove_record(const capsule::Dirs& dirs, const std::string& run_id) {
  const auto dir = linux::open_dir_at(linux::kCwd, dirs.records().c_str());
  if (!dir || !capsule::is_run_id(run_id)) {
    return;
  }
  for (const char* suffix : {"", ".stdout", ".stderr"}) {
    (void)linux::unlink_at(dir->get(), (run_id + suffix).c_str());
  }
}

std::size_t remove_old_records(const capsule::Dirs& dirs, std::int64_t age_s) {
  const auto ended = capsule::list_ended(dirs);
  if (!ended) {
    return 0;
  }
  std::size_t removed = 0;
  for (const capsule::Run& run : *ended) {
    const run::Record& record = run.record->record;
    const auto lasted_s = static_cast<std::int64_t>(record.f_latency_us / 1'000'000);
    const std::int64_t ended_s = record.started_at_s + lasted_s;
    if (is_caplets(record.requester) && ended_s + age_s < linux::wall_clock_s()) {
      remove_record(dirs, run.id);
      ++removed;
    }
  }
  return removed;
}

OutputTail output_tail(const capsule::Dirs& dirs, const std::string& run_id, const char* stream,
                       std::size_t limit) {
  OutputTail tail;
  const auto dir = linux::open_dir_at(linux::kCwd, dirs.records().c_str());
  const std::string name = run_id + "." + stream;
  const auto file = dir && capsule::is_run_id(run_id)
                        ? linux::open_at(dir->get(), name.c_str(), O_RDONLY | O_NOFOLLOW)
                        : base::Result<linux::UniqueFd>(linux::UniqueFd());
  if (!file || !file->valid()) {
    return tail;
  }
  const off_t size = std::max<off_t>(::lseek(file->get(), 0, SEEK_END), 0);
  const off_t from = std::max<off_t>(size - static_cast<off_t>(limit), 0);
  (void)::lseek(file->get(), from, SEEK_SET);
  tail.total = static_cast<std::uint64_t>(size);
  tail.bytes.resize(static_cast<std::size_t>(size - from));
  const auto read = linux::read_all(file->get(), std::as_writable_bytes(std::span(tail.bytes)));
  tail.bytes.resize(read.value_or(0));
  return tail;
}

}  // namespace recap::caplet
