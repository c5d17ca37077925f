// SPDX-License-Identifier: Apache-2.0
// The containers of Docker, Podman and the OCI runtimes on this host, with the labels they were
// given there. Coming and going is seen at once in the runtimes' own state directories (inotify),
// so nothing is asked while nothing happens; a full look every 30 s finds what that cannot show.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "caplet/node_target.h"

namespace recap::caplet {

class LocalSource : public TargetSource {
 public:
  LocalSource(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
              targets::Roots roots);
  void start(OnChange on_change) override;

 private:
  void look();
  void look_soon();
  void look_again(std::chrono::milliseconds in);
  void watch_roots();
  void wait_for_change();
  void take(base::Result<std::vector<targets::Target>> found);

  boost::asio::io_context& loop_;
  boost::asio::thread_pool& workers_;
  targets::Roots roots_;
  OnChange on_change_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer timer_;
  std::optional<std::string> shown_;  // names and instances of the last change
  std::string trouble_;
  bool looking_ = false, changed_meanwhile_ = false;
  int quick_looks_ = 0;  // a container's directory appears before its process does
};

}  // namespace recap::caplet
