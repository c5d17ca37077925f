// SPDX-License-Identifier: Apache-2.0
// No allocation, no locks (R6), and no call that sets errno: the caller works on in the same
// memory. What is written is the child's own stack and plan.error.
#include "capsule/start_child.h"

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
  if (auto ok = linux::duplicate_to(plan.program, program_number, true); !ok) {
    return ok.error().errno_value();
  }
  const auto closed = linux::close_from(static_cast<unsigned>(program_number) + 1);
  return closed ? 0 : closed.error().errno_value();
}

}  // namespace

void start_child(void* context) {
  auto& plan = *static_cast<StartPlan*>(context);
  const int program = static_cast<int>(plan.fd_count);
  static const char* const kNoEnvironment[] = {nullptr};
  // A session of its own: Ctrl-C and the end of the caller's terminal are not the keeper's.
  (void)linux::new_session();
  // A cgroup without real-time bandwidth takes no real-time process (sched(7)), and the run's has
  // none.
  (void)linux::leave_real_time();
  plan.error = place_descriptors(plan, program);
  if (plan.error == 0) {
    auto ok = linux::change_dir("/");
    plan.error = ok ? linux::execute_fd(program, plan.argv.data(), kNoEnvironment)
                    : ok.error().errno_value();
  }
  linux::exit_now(127);
}

}  // namespace recap::capsule
