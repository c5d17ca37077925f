// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its like, as something that the event loop tells. From the construction on they no
// longer end the program.
#pragma once

#include <signal.h>

#include <functional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace recap::kubectl {

class Interrupts {
 public:
  explicit Interrupts(boost::asio::io_context& loop) : signals_(loop, SIGINT, SIGTERM, SIGHUP) {
    wait();
  }

  // `tell(signal)` for each from now on, and at once for one that came before.
  void on_signal(std::function<void(int)> tell) {
    tell_ = std::move(tell);
    if (first_ != 0) {
      tell_(first_);
    }
  }

 private:
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int signal) {
      if (cancelled) {
        return;
      }
      first_ = first_ == 0 ? signal : first_;
      if (tell_) {
        tell_(signal);
      }
      wait();
    });
  }

  boost::asio::signal_set signals_;
  std::function<void(int)> tell_;
  int first_ = 0;
};

}  // namespace recap::kubectl
