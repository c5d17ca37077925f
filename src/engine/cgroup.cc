// SPDX-License-Identifier: Apache-2.0
#include "engine/cgroup.h"

#include <fcntl.h>

#include <csignal>

#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "linux/socket.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using linux::kCwd;

constexpr std::string_view kControllersV1[] = {"memory", "pids", "cpu"};
constexpr std::uint64_t kCpuPeriodUs = 100'000;

using Value = base::FixedString<48>;

Status ignore_missing(Status status) {
  return !status && status.error().kind() == Kind::kNotFound ? Status{} : std::move(status);
}

Status write_limit(const linux::DirFd& dir, const char* file, std::string_view value) {
  return linux::write_file_at(dir.get(), file, value).context("cannot limit the run");
}

Status limit_memory(const linux::DirFd& dir, CgroupLayout layout, std::uint64_t bytes) {
  if (layout == CgroupLayout::kV1) {
    RECAP_TRY(write_limit(dir, "memory.limit_in_bytes", Value().append(bytes)));
    // Memory and swap together, which is missing where the kernel does not account for swap; what
    // it could use then it is never pushed to.
    RECAP_TRY(
        ignore_missing(write_limit(dir, "memory.memsw.limit_in_bytes", Value().append(bytes))));
    return ignore_missing(write_limit(dir, "memory.swappiness", "0"));
  }
  RECAP_TRY(write_limit(dir, "memory.max", Value().append(bytes)));
  // The run is one unit: when its memory is used up, all of it goes. Swap would only delay that,
  // and it is the host's.
  RECAP_TRY(write_limit(dir, "memory.oom.group", "1"));
  return ignore_missing(write_limit(dir, "memory.swap.max", "0"));
}

Status limit_cpu(const linux::DirFd& dir, CgroupLayout layout, std::uint32_t millis) {
  const std::uint64_t quota = std::uint64_t{millis} * kCpuPeriodUs / 1000;
  if (layout == CgroupLayout::kV1) {
    return write_limit(dir, "cpu.cfs_quota_us", Value().append(quota));
  }
  return write_limit(dir, "cpu.max", Value().append(quota).append(" ").append(kCpuPeriodUs));
}

bool has_word(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    if (linux::next_word(list) == wanted) {
      return true;
    }
  }
  return false;
}

// v2: a parent hands controllers to its children only when told to (cgroup-v2.rst, "Top-down
// Constraint"). Done once per boot; asking for the file is cheaper than writing it again.
Status enable_controllers(std::string_view parent) {
  constexpr std::string_view kWanted = "+cpu +memory +pids";
  for (const std::string_view path : {std::string_view(), parent}) {
    const auto file = base::concat<255>(kCgroupRoot, "/", path, path.empty() ? "" : "/",
                                        "cgroup.subtree_control");
    std::array<char, 256> buffer;
    const std::string_view now = RECAP_TRY(linux::read_file_at(kCwd, file.c_str(), buffer));
    if (!has_word(now, "cpu") || !has_word(now, "memory") || !has_word(now, "pids")) {
      RECAP_TRY(linux::write_file_at(kCwd, file.c_str(), kWanted)
                    .context("cannot enable cgroup controllers for runs"));
    }
  }
  return {};
}

// Of as many as fit: a number that is cut off is another one.
std::string_view members(const linux::DirFd& group, std::span<char> buffer) {
  const auto numbers = linux::read_file_at(group.get(), "cgroup.procs", buffer);
  return numbers ? numbers->substr(0, numbers->rfind('\n') + 1) : std::string_view();
}

bool lists(std::string_view numbers, std::uint64_t wanted) {
  while (!numbers.empty()) {
    if (const auto number = linux::parse_number(linux::next_line(numbers));
        number && *number == wanted) {
      return true;
    }
  }
  return false;
}

// v1 has no cgroup.kill. A number that was read may be another process' by now, so it is read once
// more when a descriptor holds the process: that one is listed, or it is not killed. Returns how
// many were seen; what does not fit is met in the next round.
std::size_t kill_listed(const linux::DirFd& group) {
  std::array<char, 8192> buffer;
  std::array<char, 8192> buffer_again;
  std::string_view rest = members(group, buffer);
  std::size_t seen = 0;
  while (!rest.empty()) {
    std::array<std::uint64_t, 64> pids{};
    std::array<linux::PidFd, 64> processes;
    for (std::size_t i = 0; i < pids.size() && !rest.empty(); ++i) {
      pids[i] = linux::parse_number(linux::next_line(rest)).value_or(0);
      if (auto process = linux::open_pidfd(static_cast<int>(pids[i]))) {
        processes[i] = *std::move(process);
      }
      ++seen;
    }
    const std::string_view again = members(group, buffer_again);
    for (std::size_t i = 0; i < pids.size(); ++i) {
      if (processes[i].valid() && lists(again, pids[i])) {
        (void)linux::send_signal(processes[i].get(), SIGKILL);
      }
    }
  }
  return seen;
}

}  // namespace

Status RunCgroup::make_one(std::string_view mount, std::string_view controllers,
                           const run::Spec& spec, run::Ledger& ledger) {
  Hierarchy& h = hierarchies_[count_];
  CgroupPath parent;
  RECAP_TRY(make_group(mount, spec.cgroup_parent, parent));
  if (layout_ == CgroupLayout::kV2) {
    RECAP_TRY(enable_controllers(spec.cgroup_parent));
  }
  h.path = base::concat<255>(parent, "/", spec.run_id);
  RECAP_TRY(ledger.append({.step = run::Step::kCgroup, .text = h.path}));
  RECAP_TRY(linux::make_dir_at(kCwd, h.path.c_str(), 0755).context("cannot make the run's cgroup"));
  ++count_;
  h.dir = RECAP_TRY(linux::open_dir_at(kCwd, h.path.c_str()));
  h.has_memory = controllers.find("memory") != std::string_view::npos;
  h.has_pids = controllers.find("pids") != std::string_view::npos;
  h.has_cpu = controllers.find("cpu") != std::string_view::npos;
  if (layout_ == CgroupLayout::kV1) {
    h.tasks = RECAP_TRY(linux::open_at(h.dir.get(), "tasks", O_WRONLY));
  }
  const run::Limits& limits = spec.limits;
  if (h.has_memory && limits.memory_bytes != 0) {
    RECAP_TRY(limit_memory(h.dir, layout_, limits.memory_bytes));
  }
  if (h.has_pids && limits.pids != 0) {
    RECAP_TRY(write_limit(h.dir, "pids.max", Value().append(limits.pids)));
  }
  if (h.has_cpu && limits.cpu_millis != 0) {
    RECAP_TRY(limit_cpu(h.dir, layout_, limits.cpu_millis));
  }
  return {};
}

Status RunCgroup::make(const run::Spec& spec, run::Ledger& ledger) {
  layout_ = RECAP_TRY(cgroup_layout());
  if (layout_ == CgroupLayout::kV2) {
    return make_one("", "memory pids cpu", spec, ledger);
  }
  for (const std::string_view controller : kControllersV1) {
    RECAP_TRY(make_one(controller, controller, spec, ledger));
  }
  return {};
}

Result<RunCgroup> RunCgroup::adopt(const run::LedgerContents& ledger) {
  RunCgroup cgroup;
  cgroup.layout_ = RECAP_TRY(cgroup_layout());
  for (std::size_t i = 0; i < ledger.count && cgroup.count_ < kMaxHierarchies; ++i) {
    if (ledger.entries[i].step != run::Step::kCgroup) {
      continue;
    }
    Hierarchy& h = cgroup.hierarchies_[cgroup.count_];
    h.path = CgroupPath(ledger.entries[i].text);
    auto dir = linux::open_dir_at(kCwd, h.path.c_str());
    if (!dir && dir.error().kind() != Kind::kNotFound) {
      return std::move(dir).error();
    }
    if (dir) {
      h.dir = std::move(*dir);
      const bool v2 = cgroup.layout_ == CgroupLayout::kV2;
      h.has_pids = v2 || h.path.view().find("/pids/") != std::string_view::npos;
      h.has_memory = v2 || h.path.view().find("/memory/") != std::string_view::npos;
      ++cgroup.count_;
    }
  }
  return cgroup;
}

const RunCgroup::Hierarchy* RunCgroup::with(bool Hierarchy::* controller) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (hierarchies_[i].*controller) {
      return &hierarchies_[i];
    }
  }
  return nullptr;
}

Status RunCgroup::send_entry(int socket) const {
  std::array<int, kMaxHierarchies> fds{};
  for (std::size_t i = 0; i < count_; ++i) {
    const Hierarchy& h = hierarchies_[i];
    fds[i] = layout_ == CgroupLayout::kV2 ? h.dir.get() : h.tasks.get();
  }
  const auto layout = static_cast<std::byte>(layout_);
  return linux::send(socket, std::span(&layout, 1), std::span(fds).first(count_));
}

Status CgroupEntry::receive(int socket) {
  std::byte layout{};
  const std::size_t got = RECAP_TRY(linux::receive(socket, std::span(&layout, 1), fds_));
  if (got == 0) {
    return Error(Kind::kGone, "the keeper ended");
  }
  v2_ = layout == static_cast<std::byte>(CgroupLayout::kV2);
  return {};
}

Status CgroupEntry::join_in_child() const {
  for (const linux::UniqueFd& tasks : fds_) {
    if (!v2_ && tasks.valid()) {
      RECAP_TRY(linux::write_text(tasks.get(), "0").context("cannot join the run's cgroup"));
    }
  }
  return {};
}

Status RunCgroup::forbid_forks() {
  const Hierarchy* h = with(&Hierarchy::has_pids);
  return h == nullptr ? Status{}
                      : ignore_missing(linux::write_file_at(h->dir.get(), "pids.max", "0"));
}

Result<std::size_t> RunCgroup::kill_everything() {
  if (layout_ == CgroupLayout::kV2) {
    if (count_ == 0 || empty().value_or(false)) {
      return 0;
    }
    RECAP_TRY(ignore_missing(linux::write_file_at(hierarchies_[0].dir.get(), "cgroup.kill", "1")));
    return 1;
  }
  // Who is in any of them came through the first.
  std::size_t seen = 0;
  for (std::size_t i = 0; i < count_ && seen == 0; ++i) {
    seen = kill_listed(hierarchies_[i].dir);
  }
  return seen;
}

Result<bool> RunCgroup::empty() const {
  const bool v2 = layout_ == CgroupLayout::kV2;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!hierarchies_[i].dir.valid()) {
      continue;  // removed
    }
    std::array<char, 256> buffer;
    auto text =
        linux::read_file_at(hierarchies_[i].dir.get(), v2 ? "cgroup.events" : "tasks", buffer);
    if (!text && text.error().kind() == Kind::kNotFound) {
      continue;  // by somebody else
    }
    const std::string_view found = RECAP_TRY(std::move(text));
    if (v2 ? found.find("populated 1") != std::string_view::npos : !found.empty()) {
      return false;
    }
  }
  return true;
}

}  // namespace recap::engine
