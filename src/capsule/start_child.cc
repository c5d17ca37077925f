// SPDX-License-Identifier: Apache-2.0
// No allocation, no locks (R6). The only memory written is the child's own stack and plan.error.
#include "capsule/start_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "linux/fs.h"
#include "linux/process.h"

namespace recap::capsule {
namespace {

int place_descriptors(const StartPlan& plan, int program_number) {
  for (std::size_t number = 0; number < plan.fd_count; ++number) {
    if (auto ok = linux::duplicate_to(plan.fds[number], static_cast<int>(number)); !ok) {
      return ok.error().errno_value();
    }
  }
  if (::dup3(plan.program, program_number, O_CLOEXEC) < 0) {
    return errno;
  }
  const auto closed = linux::close_from(static_cast<unsigned>(program_number) + 1);
  return closed ? 0 : closed.error().errno_value();
}

}  // namespace

int start_child(void* context) {
  auto& plan = *static_cast<StartPlan*>(context);
  const int program = static_cast<int>(plan.fd_count);
  static const char* const kNoEnvironment[] = {nullptr};
  // A session of its own: Ctrl-C and the end of the caller's terminal are not the keeper's.
  (void)linux::new_session();
  // A cgroup without real-time bandwidth takes no real-time process (sched(7)), and the run's has
  // none.
  const sched_param normal{};
  (void)::sched_setscheduler(0, SCHED_OTHER, &normal);
  plan.error = place_descriptors(plan, program);
  if (plan.error == 0) {
    if (auto ok = linux::change_dir("/"); !ok) {
      plan.error = ok.error().errno_value();
    } else {
      ::execveat(program, "", const_cast<char* const*>(plan.argv.data()),  // NOLINT: POSIX's type
                 const_cast<char* const*>(kNoEnvironment), AT_EMPTY_PATH);
      plan.error = errno;
    }
  }
  ::_exit(127);
}

}  // namespace recap::capsule
