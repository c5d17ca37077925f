// SPDX-License-Identifier: Apache-2.0
// The end of a run's cgroup: what it says of the run, and its removal.
#include "engine/cgroup.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

using base::Kind;
using linux::kCwd;

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
// long as the page cache keeps them. How many there are cannot be asked: memory.stat is summed up
// only every 2 s or 128 changes. So whoever knows that none were read says so: this drains every
// CPU's lists, 0.3 to 4 ms.
void RunCgroup::release_page_cache(const Hierarchy& h) const {
  if (layout_ == CgroupLayout::kV1) {
    (void)linux::write_file_at(h.dir.get(), "memory.force_empty", "0");
    return;
  }
  std::array<char, 64> buffer;
  const auto charged = linux::read_file_at(h.dir.get(), "memory.current", buffer);
  if (charged && *charged != "0\n") {
    (void)linux::write_file_at(h.dir.get(), "memory.reclaim", *charged);
  }
}

Status RunCgroup::remove(bool release_cache) {
  Status worst;
  for (std::size_t i = count_; i > 0; --i) {
    Hierarchy& h = hierarchies_[i - 1];
    if (h.path.empty()) {
      continue;
    }
    if (h.has_memory && release_cache) {
      release_page_cache(h);
    }
    Status status = ignore_missing(linux::remove_dir_at(kCwd, h.path.c_str()));
    if (status) {
      h = Hierarchy();
    } else {
      worst = std::move(status);
    }
  }
  return worst;
}

}  // namespace recap::engine
