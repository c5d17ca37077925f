// SPDX-License-Identifier: Apache-2.0
// Who is to be looked at when: one timer for all, and a watch on the wall clock, after a step of
// which everybody who goes by it has to be looked at again.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/time.h"

namespace recap::caplet {

template <typename Key>
class Agenda {
 public:
  using OnDue = std::function<void(const std::vector<Key>&)>;

  Agenda(boost::asio::io_context& loop, OnDue on_due) : timer_(loop), on_due_(std::move(on_due)) {}

  // nullopt: not by time. A later call replaces an earlier one.
  void set(const Key& key, std::optional<Uptime> when) {
    if (const auto old = times_.find(key); old != times_.end()) {
      order_.erase({old->second, key});
      times_.erase(old);
    }
    if (when) {
      times_.emplace(key, *when);
      order_.emplace(*when, key);
    }
    arm();
  }

 private:
  // Long sleeps are cut: the timer does not count the time that the node is suspended.
  static constexpr seconds kLongestSleep{300};

  void arm() {
    const std::optional<Uptime> first =
        order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
    if (first == armed_) {
      return;
    }
    armed_ = first;
    timer_.cancel();
    if (first) {
      sleep();
    }
  }

  void sleep() {
    const milliseconds left = *armed_ - BootClock::now();
    timer_.expires_after(std::clamp<milliseconds>(left, milliseconds(0), kLongestSleep));
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled && armed_) {
        wake();
      }
    });
  }

  void wake() {
    const Uptime now = BootClock::now();
    std::vector<Key> due;
    for (const auto& [when, key] : order_) {
      if (when > now) {
        break;
      }
      due.push_back(key);
    }
    for (const Key& key : due) {
      order_.erase({times_.at(key), key});
      times_.erase(key);
    }
    armed_.reset();
    if (!due.empty()) {
      on_due_(due);
    }
    arm();
  }

  boost::asio::steady_timer timer_;
  OnDue on_due_;
  std::map<Key, Uptime> times_;
  std::set<std::pair<Uptime, Key>> order_;
  std::optional<Uptime> armed_;
};

// Calls back when somebody sets the wall clock (not when it is slewed).
class ClockWatch {
 public:
  ClockWatch(boost::asio::io_context& loop, std::function<void()> on_step);

 private:
  void wait();

  boost::asio::posix::stream_descriptor timer_;
  std::function<void()> on_step_;
};

}  // namespace recap::caplet
