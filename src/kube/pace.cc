// SPDX-License-Identifier: Apache-2.0
#include "kube/pace.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace recap::kube {

TokenBucket::TokenBucket(double per_second, int burst)
    : per_second_(std::max(per_second, 0.001)),
      burst_(std::max(burst, 1)),
      tokens_(std::max(burst, 1)) {}

void TokenBucket::refill(Clock::time_point now) {
  if (filled_ != Clock::time_point{} && now > filled_) {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
  }
  filled_ = std::max(filled_, now);
}

Millis TokenBucket::take(Clock::time_point now) {
  refill(now);
  tokens_ -= 1;
  return tokens_ >= 0 ? Millis(0) : Millis(std::llround(std::ceil(-tokens_ / per_second_ * 1000)));
}

bool TokenBucket::try_take(Clock::time_point now) {
  refill(now);
  if (tokens_ < 1) {
    return false;
  }
  tokens_ -= 1;
  return true;
}

Backoff::Backoff(BackoffLimits limits, std::function<double()> random)
    : limits_(limits), random_(random ? std::move(random) : random_part), base_(limits.first) {}

Millis Backoff::next(Clock::time_point now) {
  if (asked_ != Clock::time_point{} && now - asked_ > limits_.reset_after) {
    base_ = limits_.first;
  }
  const Millis base = base_;
  const double doubled = static_cast<double>(base_.count()) * limits_.factor;
  base_ = std::min(limits_.max, Millis(std::llround(doubled)));
  const double jitter = static_cast<double>(base.count()) * limits_.jitter * random_();
  const Millis wait = base + Millis(std::llround(jitter));
  asked_ = now + wait;  // what counts as going well begins when the wait is over
  return wait;
}

double random_part() {
  static std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace recap::kube
