// SPDX-License-Identifier: Apache-2.0
// Sources of events that the node itself observes at a target: files, memory, stalls. A watch
// lives as long as somebody wants its events; what it watches may vanish before.
//
// Nothing of a target is held: no descriptor of its files or cgroup stays open between two looks,
// only inotify's and the kernel's own watches, which vanish with what they are on.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "kube/kinds.h"
#include "targets/target.h"

namespace recap::caplet {

class EventWatch {
 public:
  virtual ~EventWatch() = default;
};
using EventWatchPtr = std::unique_ptr<EventWatch>;

// What a handler of the event loop still holds when its owner is gone: stopped, and freed later.
template <typename Watch>
class OwnedWatch : public EventWatch {
 public:
  explicit OwnedWatch(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~OwnedWatch() override { watch_->stop(); }

 private:
  std::shared_ptr<Watch> watch_;
};

using OnEvent = std::function<void()>;  // on the event loop's thread, not from within watch()

struct WatchPlace {
  boost::asio::io_context& loop;
  const targets::Target& target;
  const targets::Roots& roots;
};

// nullptr for sources that come from elsewhere (ContainerStarted, PodNotReady, Webhook …).
// kUnsupported: this kernel cannot observe it. kGone: the target has ended.
base::Result<EventWatchPtr> watch_for(const kube::EventSource& source, const WatchPlace& place,
                                      OnEvent on_event);

// One for each kind of source.
base::Result<EventWatchPtr> watch_file(const std::string& path, const WatchPlace& place,
                                       OnEvent on_event);
base::Result<EventWatchPtr> watch_memory(std::uint32_t usage_percent, const WatchPlace& place,
                                         OnEvent on_event);
// `resource` is "memory" or "cpu".
base::Result<EventWatchPtr> watch_stalls(const char* resource, std::uint32_t percent,
                                         const WatchPlace& place, OnEvent on_event);

}  // namespace recap::caplet
