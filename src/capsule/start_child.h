// SPDX-License-Identifier: Apache-2.0
// The few steps between clone and the keeper's exec, in memory that is still the caller's.
#pragma once

#include <array>
#include <cstddef>

namespace recap::capsule {

inline constexpr std::size_t kMaxStartFds = 7;

struct StartPlan {
  int program = -1;                     // the keeper's sealed memfd
  std::array<int, kMaxStartFds> fds{};  // fds[n] becomes descriptor n; all above kMaxStartFds
  std::size_t fd_count = 0;
  std::array<const char*, 4> argv{};
  int error = 0;  // errno of the step that failed; 0 after a successful exec
};

// For linux::start_sharing_memory(); `plan` is a StartPlan. Does not return.
void start_child(void* plan);

}  // namespace recap::capsule
