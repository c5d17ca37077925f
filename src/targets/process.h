// SPDX-License-Identifier: Apache-2.0
// What the host's /proc says about one process. Nothing here is under the process's own control
// except `comm`, which is only ever shown, never believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/unique_fd.h"
#include "targets/target.h"

namespace recap::targets {

struct ProcessStat {
  std::string comm;
  char state = '?';
  bool kernel_thread = false;
  std::uint64_t start_time = 0;  // clock ticks since boot
};
base::Result<ProcessStat> parse_stat(std::string_view text);

struct ProcessIds {
  std::uint32_t thread_group = 0;
  std::vector<std::uint32_t> in_namespaces;  // NSpid: outermost (this /proc's) first
};
base::Result<ProcessIds> parse_status(std::string_view text);

// /proc/PID, held open: once the process is gone, reads through it fail even if its pid is reused.
class ProcessDir {
 public:
  static base::Result<ProcessDir> open(const Roots& roots, std::uint32_t pid);  // kNotFound

  [[nodiscard]] base::Result<ProcessStat> stat() const;
  [[nodiscard]] base::Result<ProcessIds> ids() const;
  [[nodiscard]] base::Result<std::string> cgroups() const;  // text of /proc/PID/cgroup
  [[nodiscard]] std::string executable() const;  // last component of exe; empty when unreadable

 private:
  explicit ProcessDir(linux::DirFd dir) : dir_(std::move(dir)) {}
  linux::DirFd dir_;
};

// A plain process as a target. kInvalid for host's pid 1, kernel threads and mere threads; kBusy
// when it is frozen; kUnsupported for those of gVisor and Kata.
base::Result<Target> process_target(std::uint32_t pid, const Roots& roots);

// Running, and a process at all: kNotFound when it ended or is a zombie, kInvalid when RECap does
// not attach to such a process. Fills target.start_time; a recorded one must be equal. Returns what
// it read.
base::Result<ProcessStat> check_process(Target& target, const ProcessDir& process);

}  // namespace recap::targets
