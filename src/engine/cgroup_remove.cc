// SPDX-License-Identifier: Apache-2.0
// The end of a run's cgroup: what it says of the run, and its removal.
#include "engine/cgroup.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/socket.h"

namespace recap::engine {

namespace {

using base::Kind;
using linux::kCwd;

using Value = base::FixedString<48>;

Status ignore_missing(Status status) {
  return !status && status.error().kind() == Kind::kNotFound ? Status{} : std::move(status);
}

}  // namespace

std::uint64_t RunCgroup::memory_peak() const {
  const Hierarchy* h = with(&Hierarchy::has_memory);
  if (h == nullptr) {
    return 0;
  }
  std::array<char, 64> buffer;
  const auto text = linux::read_file_at(
      h->dir.get(), layout_ == CgroupLayout::kV2 ? "memory.peak" : "memory.max_usage_in_bytes",
      buffer);
  std::string_view rest = text ? *text : std::string_view();
  return linux::parse_number(linux::next_line(rest)).value_or(0);
}

std::uint64_t RunCgroup::oom_kills() const {
  const Hierarchy* h = with(&Hierarchy::has_memory);
  if (h == nullptr) {
    return 0;
  }
  std::array<char, 512> buffer;
  const auto text = linux::read_file_at(
      h->dir.get(), layout_ == CgroupLayout::kV2 ? "memory.events" : "memory.oom_control", buffer);
  std::string_view rest = text ? *text : std::string_view();
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    if (linux::next_word(line) == "oom_kill") {
      return linux::parse_number(linux::next_word(line)).value_or(0);
    }
  }
  return 0;
}

// A removed memory cgroup lives on, unseen, while file pages are charged to it: "dying", for as
// long as the page cache keeps them. So they go first. Most runs read only what others have read
// before.
void RunCgroup::release_page_cache(const Hierarchy& h) const {
  const bool v2 = layout_ == CgroupLayout::kV2;
  std::array<char, 4096> buffer;
  const auto stat = linux::read_file_at(h.dir.get(), "memory.stat", buffer);
  std::string_view rest = stat ? *stat : std::string_view();
  std::uint64_t file = 0;
  std::uint64_t shmem = 0;  // the scratch space, which goes with its mount
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    const std::string_view key = linux::next_word(line);
    if (key == (v2 ? "file" : "cache")) {
      file = linux::parse_number(linux::next_word(line)).value_or(0);
    } else if (key == "shmem") {
      shmem = linux::parse_number(linux::next_word(line)).value_or(0);
    }
  }
  if (file > shmem) {
    (void)linux::write_file_at(h.dir.get(), v2 ? "memory.reclaim" : "memory.force_empty",
                               v2 ? Value().append(file).view() : "0");
  }
}

Status RunCgroup::remove() {
  constexpr int kTries = 500;
  constexpr std::int64_t kWaitMs = 1;
  Status worst;
  for (std::size_t i = count_; i > 0; --i) {
    Hierarchy& h = hierarchies_[i - 1];
    if (h.has_memory) {
      release_page_cache(h);
    }
    h.tasks.reset();
    h.dir.reset();
    Status status;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      status = ignore_missing(linux::remove_dir_at(kCwd, h.path.c_str()));
      if (status || status.error().kind() != Kind::kBusy) {
        break;
      }
      (void)linux::poll(
          {}, kWaitMs);  // exiting tasks leave their cgroup a moment after they are reaped
    }
    if (!status) {
      worst = std::move(status);
    }
  }
  return worst;
}

}  // namespace recap::engine
