// SPDX-License-Identifier: Apache-2.0
// Runs between clone and exec: no allocation, no locks.
#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "engine/confine.h"
#include "engine/function.h"
#include "linux/error.h"
#include "linux/fs.h"
#include "linux/terminal.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;

constexpr int kFailureFd = 3;
constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr int kExitNotExecutable = 126;
constexpr int kExitNotFound = 127;

// The pty becomes 0, 1 and 2 and the controlling terminal of a new session.
Status take_stdio(const StubPlan& plan) {
  RECAP_TRY(linux::new_session());
  if (plan.devices->pty_master.valid()) {
    const linux::UniqueFd slave = RECAP_TRY(linux::open_pty_slave(plan.devices->pty_master.get()));
    RECAP_TRY(linux::set_controlling_terminal(slave.get()));
    for (const int fd : {run::kStdin, run::kStdout, run::kStderr}) {
      RECAP_TRY(linux::duplicate_to(slave.get(), fd));
    }
  }
  return {};
}

// By a descriptor that cannot come from a magic link: /proc/self/fd/N as working directory must not
// lead out of the Capsule (CVE-2024-21626).
Status enter_workdir(const run::Spec& spec) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(linux::kCwd, "/", O_PATH | O_DIRECTORY));
  const linux::UniqueFd dir =
      RECAP_TRY(linux::open_in_root(root.get(), spec.workdir.data(), O_PATH | O_DIRECTORY));
  return linux::change_dir_to(dir.get());
}

// Only 0, 1, 2 and the failure pipe, which closes at exec and gets a new number, go on.
Status close_everything_else(int& failure_pipe) {
  RECAP_TRY(linux::duplicate_to(failure_pipe, kFailureFd));
  failure_pipe = kFailureFd;
  RECAP_TRY(linux::close_on_exec(kFailureFd));
  return linux::close_from(kFailureFd + 1);
}

// Only now that the process is in the run's cgroup: that becomes the root of what it sees, and on
// v2 nobody whose cgroup namespace is elsewhere may be born into it (nsdelegate, ENOENT).
Status take_cgroup_namespace(const StubPlan& plan) {
  if ((plan.spec->share & run::kShareCgroup) != 0) {
    return linux::join(plan.target_pidfd, linux::Ns::kCgroup).context("cannot join the target");
  }
  return linux::unshare(linux::Ns::kCgroup);
}

Status become_function(const StubPlan& plan, int& failure_pipe) {
  RECAP_TRY(plan.cgroup->join_in_child());
  RECAP_TRY(take_cgroup_namespace(plan));
  RECAP_TRY(take_stdio(plan));
  linux::set_umask(022);
  RECAP_TRY(drop_privileges_in_child(*plan.spec, plan.ids, plan.user_ns));
  RECAP_TRY(linux::reset_signals());
  RECAP_TRY(close_everything_else(failure_pipe));
  linux::await_count(plan.memory->powerless, kStubs);
  RECAP_TRY(enter_workdir(*plan.spec).context("cannot enter the working directory"));
  return lock_down_in_child(*plan.spec, plan.layers->own);
}

std::string_view search_path(const char* const* envp) {
  constexpr std::string_view kName = "PATH=";
  for (; *envp != nullptr; ++envp) {
    if (std::string_view entry(*envp); entry.starts_with(kName)) {
      entry.remove_prefix(kName.size());
      return entry;
    }
  }
  return kDefaultPath;
}

// As execvpe(3), without its shell fallback: a file that is no program is an error. Returns errno.
int execute_in_path(const StubPlan& plan) {
  const std::string_view name(plan.argv[0]);
  if (name.find('/') != std::string_view::npos) {
    return linux::execute(plan.argv[0], plan.argv, plan.envp);
  }
  int worst = ENOENT;
  std::string_view rest = search_path(plan.envp);
  while (!rest.empty() && !name.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    base::FixedString<4096> path(std::string_view(rest.data(), end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    path.append("/").append(name);
    const int err =
        path.truncated() ? ENAMETOOLONG : linux::execute(path.c_str(), plan.argv, plan.envp);
    if (err != ENOENT && err != ENOTDIR) {
      worst = err;
    }
  }
  return worst;
}

}  // namespace

void run_function(void* context) {
  const auto& plan = *static_cast<const StubPlan*>(context);
  int failure_pipe = plan.failure_pipe;
  if (auto ready = become_function(plan, failure_pipe); !ready) {
    report_failure(failure_pipe, ready.error(), 125);
    linux::exit_now(125);
  }
  const int err = execute_in_path(plan);
  const bool missing = err == ENOENT || err == ENOTDIR;
  report_failure(failure_pipe, linux::failed("execute", plan.argv[0], err),
                 missing ? kExitNotFound : kExitNotExecutable);
  linux::exit_now(missing ? kExitNotFound : kExitNotExecutable);
}

}  // namespace recap::engine
