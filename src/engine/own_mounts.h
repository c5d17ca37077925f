// SPDX-License-Identifier: Apache-2.0
// What lies below a declared path comes along with it, and a target may have mounted the kernel's
// file systems there. A clone cannot be asked what is in it, but once it is attached in the
// Capsule's own mount namespace, that namespace's table tells.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace recap::engine {

// The mounts of the calling process' mount namespace, before somebody else's are added to it.
class OwnMounts {
 public:
  // `proc` is a procfs in which the calling process is.
  static base::Result<OwnMounts> list_in_child(int proc);

  // Detaches all others that are the kernel's, so that nothing of them is seen. kDenied when they
  // are among `wanted`, which were asked for, or cannot be detached. The namespace must be private.
  [[nodiscard]] base::Status leave_out_kernel_mounts_in_child(
      int proc, std::span<const std::uint64_t> wanted) const;

 private:
  [[nodiscard]] bool has(std::uint64_t id) const;
  std::array<std::uint64_t, 64> ids_{};
  std::size_t count_ = 0;
};

}  // namespace recap::engine
