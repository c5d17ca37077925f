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

std::uint64_t number_in(const linux::DirFd& dir, const char* file) {
  std::array<char, 64> buffer;
  const auto text = linux::read_file_at(dir.get(), file, buffer);
  std::string_view rest = text ? *text : std::string_view();
  return linux::parse_number(linux::next_line(rest)).value_or(0);
}

// Of a line "KEY VALUE".
std::uint64_t value_of(const linux::DirFd& dir, const char* file, std::string_view key) {
  std::array<char, 4096> buffer;
  const auto text = linux::read_file_at(dir.get(), file, buffer);
  std::string_view rest = text ? *text : std::string_view();
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    if (linux::next_word(line) == key) {
      return linux::parse_number(linux::next_word(line)).value_or(0);
    }
  }
  return 0;
}

}  // namespace

std::uint64_t RunCgroup::memory_peak() const {
  const Hierarchy* h = with(&Hierarchy::has_memory);
  return h == nullptr
             ? 0
             : number_in(h->dir, layout_ == CgroupLayout::kV2 ? "memory.peak"
                                                              : "memory.max_usage_in_bytes");
}

// The sum is exact; the parts of memory.stat lag behind by up to 64 pages for each CPU.
std::uint64_t RunCgroup::shared_memory_beyond(std::uint64_t slack) const {
  const Hierarchy* h = with(&Hierarchy::has_memory);
  const bool v2 = layout_ == CgroupLayout::kV2;
  if (h == nullptr || number_in(h->dir, v2 ? "memory.current" : "memory.usage_in_bytes") <= slack) {
    return 0;
  }
  return value_of(h->dir, "memory.stat", "shmem");
}

std::uint64_t RunCgroup::oom_kills() const {
  const Hierarchy* h = with(&Hierarchy::has_memory);
  if (h == nullptr) {
    return 0;
  }
  return value_of(h->dir, layout_ == CgroupLayout::kV2 ? "memory.events" : "memory.oom_control",
                  "oom_kill");
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
