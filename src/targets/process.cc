// SPDX-License-Identifier: Apache-2.0
// See process.h.
#include "targets/process.h"

#include <array>

#include "linux/fs.h"
#include "linux/proc.h"
#include "targets/cgroup.h"
#include "targets/files.h"
#include "targets/sandbox.h"
#include "targets/text.h"
#include "targets/usable.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr std::uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD

std::string pid_name(std::uint32_t pid) { return "pid:" + std::to_string(pid); }

}  // namespace

Result<ProcessStat> parse_stat(std::string_view text) {
  // comm may hold spaces, parentheses and newlines; nothing after it can hold a parenthesis.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == text.npos || close == text.npos || close < open) {
    return Error(Kind::kCorrupt, "/proc/PID/stat has no command name");
  }
  std::string_view rest = text.substr(close + 1);
  while (!rest.empty() && rest.back() == '\n') {
    rest.remove_suffix(1);
  }
  const auto fields = split(rest, ' ');  // from field 3 of proc(5) on
  constexpr std::size_t kFlags = 9 - 3;
  constexpr std::size_t kStartTime = 22 - 3;
  if (fields.size() <= kStartTime || fields[0].size() != 1) {
    return Error(Kind::kCorrupt, "/proc/PID/stat is cut short");
  }
  const auto flags = parse_number(fields[kFlags]);
  const auto start = parse_number(fields[kStartTime]);
  if (!flags || !start) {
    return Error(Kind::kCorrupt, "/proc/PID/stat has no start time");
  }
  return ProcessStat{.comm = std::string(text.substr(open + 1, close - open - 1)),
                     .state = fields[0].front(),
                     .kernel_thread = (*flags & kKernelThreadFlag) != 0,
                     .start_time = *start};
}

Result<ProcessIds> parse_status(std::string_view text) {
  ProcessIds ids;
  // "Name:" comes first and is escaped by the kernel, so no line of it can pose as another.
  const auto groups = split(linux::status_field(text, "Tgid"), '\t');
  const auto number = groups.size() == 1 ? parse_number(groups[0]) : std::nullopt;
  if (!number) {
    return Error(Kind::kCorrupt, "/proc/PID/status has no Tgid");
  }
  ids.thread_group = static_cast<std::uint32_t>(*number);
  for (const auto part : split(linux::status_field(text, "NSpid"), '\t')) {
    const auto id = parse_number(part);
    if (!id) {
      return Error(Kind::kCorrupt, "/proc/PID/status has a damaged NSpid");
    }
    ids.in_namespaces.push_back(static_cast<std::uint32_t>(*id));
  }
  return ids;
}

Result<ProcessDir> ProcessDir::open(const Roots& roots, std::uint32_t pid) {
  auto dir = open_root(roots.proc + "/" + std::to_string(pid));
  if (!dir && dir.error().kind() == Kind::kNotFound) {
    return Error(Kind::kNotFound, "there is no process " + std::to_string(pid) + " on this host");
  }
  if (!dir) {
    return dir.error();
  }
  return ProcessDir(*std::move(dir));
}

Result<ProcessStat> ProcessDir::stat() const {
  return parse_stat(RECAP_TRY(read_kernel_file(dir_, "stat")));
}

Result<ProcessIds> ProcessDir::ids() const {
  return parse_status(RECAP_TRY(read_kernel_file(dir_, "status")));
}

Result<std::string> ProcessDir::cgroups() const { return read_kernel_file(dir_, "cgroup"); }

std::string ProcessDir::executable() const {
  std::array<char, 4096> buffer{};
  const auto path = linux::read_link_at(dir_.get(), "exe", buffer);
  return path ? std::string(path->substr(path->rfind('/') + 1)) : std::string();
}

Result<ProcessStat> check_process(Target& target, const ProcessDir& process) {
  auto stat = process.stat();
  if (!stat || stat->state == 'Z' || stat->state == 'X') {
    return Error(Kind::kNotFound, "target " + shown(target.name) + " has ended");
  }
  if (target.start_time_recorded && stat->start_time != target.start_time) {
    return Error(Kind::kNotFound, "target " + shown(target.name) +
                                      " has ended: its process id belongs to another process now");
  }
  target.start_time = stat->start_time;
  if (target.pid == 1) {
    return Error(Kind::kInvalid, "process 1 is the host's init, not a container: name a container");
  }
  if (stat->kernel_thread) {
    return Error(Kind::kInvalid, "process " + std::to_string(target.pid) +
                                     " is a kernel thread, which has nothing to attach to");
  }
  return stat;
}

Result<Target> process_target(std::uint32_t pid, const Roots& roots) {
  Target target;
  target.runtime = "process";
  target.name = pid_name(pid);
  target.pid = pid;
  const ProcessDir process = RECAP_TRY(ProcessDir::open(roots, pid));
  const ProcessStat stat = RECAP_TRY(check_process(target, process));
  const ProcessIds ids = RECAP_TRY(process.ids());
  if (ids.thread_group != pid) {
    return Error(Kind::kInvalid, target.name + " is a thread: write " + pid_name(ids.thread_group) +
                                     ", its process");
  }
  const std::string cgroups = RECAP_TRY(process.cgroups());
  if (const auto owner = container_of(cgroups, host_cgroups(roots))) {
    target.id = owner->id;
    target.runtime = owner->runtime;
  }
  RECAP_TRY(refuse_sandbox_process(process.executable(), stat.comm, cgroups));
  RECAP_TRY(refuse_frozen(target, cgroups, roots));
  return target;
}

}  // namespace recap::targets
