// SPDX-License-Identifier: Apache-2.0
// Bounds for a program that writes into a directory: what a registry sends without end, or does not
// send at all, is given up.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::image {

struct FetchBounds {
  std::uint64_t max_bytes = std::uint64_t{64} << 30;  // that arrive
  std::chrono::seconds patience{120};                 // in which nothing arrives
};

class FetchWatch {
 public:
  // `folder` must live as long as this; what lies in it already does not count.
  FetchWatch(const linux::DirFd& folder, const FetchBounds& bounds);

  // To be called about once a second. kInvalid: too much came. kTimeout: nothing did for too long.
  base::Status look();

 private:
  using Clock = std::chrono::steady_clock;

  const linux::DirFd& folder_;
  FetchBounds bounds_;
  std::uint64_t before_, last_;
  Clock::time_point since_;
};

}  // namespace recap::image
