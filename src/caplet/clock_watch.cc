// SPDX-License-Identifier: Apache-2.0
// The kernel's own notice of a set clock: a timer that is cancelled by it (timerfd_create(2)).
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "caplet/agenda.h"

namespace recap::caplet {
namespace {

constexpr time_t kNever = std::numeric_limits<std::int32_t>::max();  // January 2038, in 32 bits too

void arm(int timer) {
  itimerspec when{};
  when.it_value.tv_sec = kNever;
  (void)::timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
}

}  // namespace

ClockWatch::ClockWatch(boost::asio::io_context& loop, std::function<void()> on_step)
    : timer_(loop), on_step_(std::move(on_step)) {
  boost::system::error_code failed;
  timer_.assign(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC), failed);
  if (!failed) {
    arm(timer_.native_handle());
    wait();
  }
}

void ClockWatch::wait() {
  timer_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& failed) {
                      if (failed) {
                        return;
                      }
                      std::uint64_t expirations = 0;
                      // ECANCELED tells of the step and makes the timer waitable again.
                      (void)!::read(timer_.native_handle(), &expirations, sizeof expirations);
                      arm(timer_.native_handle());
                      on_step_();
                      wait();
                    });
}

}  // namespace recap::caplet
