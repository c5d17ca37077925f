// SPDX-License-Identifier: Apache-2.0
// When to do it next: a token bucket and an exponential back-off. Neither looks at a clock or
// waits; they are told the time and say how long.
#pragma once

#include <chrono>
#include <functional>

namespace recap::kube {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

// `burst` at once, then `per_second`.
class TokenBucket {
 public:
  TokenBucket(double per_second, int burst);

  // Takes a token, if need be a future one: how long until one may use it. In the order of calls.
  Millis take(Clock::time_point now);
  // The same, if one is there; otherwise nothing is taken.
  bool try_take(Clock::time_point now);

 private:
  void refill(Clock::time_point now);

  double per_second_, burst_, tokens_;
  Clock::time_point filled_{};
};

struct BackoffLimits {
  Millis first{800};
  Millis max{30'000};           // before jitter
  Millis reset_after{120'000};  // so long without being asked, it begins anew
  double factor = 2;
  double jitter = 1;  // up to this part is added
};

class Backoff {
 public:
  // `random`: evenly in [0, 1); empty: one of its own.
  explicit Backoff(BackoffLimits limits, std::function<double()> random = {});

  // How long to wait after one more failure at `now`.
  Millis next(Clock::time_point now);

 private:
  BackoffLimits limits_;
  std::function<double()> random_;
  Millis base_;
  Clock::time_point asked_{};
};

// Evenly in [0, 1); seeded per process, so that nodes that start together do not stay together.
double random_part();

}  // namespace recap::kube
