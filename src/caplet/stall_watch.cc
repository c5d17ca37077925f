// SPDX-License-Identifier: Apache-2.0
// MemoryPressure and CPUPressure by stalls: the kernel's pressure stall information (PSI) tells by
// itself when some task of the target's cgroup waited for longer than so much of two seconds. It
// is kept per cgroup in version 2 only.
#include <fcntl.h>

#include <array>
#include <memory>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "caplet/event_watch.h"
#include "caplet/target_cgroup.h"
#include "linux/fs.h"
#include "linux/socket.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using boost::asio::posix::stream_descriptor;

constexpr std::uint32_t kWindowUs = 2'000'000;  // the shortest that needs no capability

class StallWatch : public std::enable_shared_from_this<StallWatch> {
 public:
  StallWatch(linux::UniqueFd trigger, boost::asio::io_context& loop, OnEvent on_event)
      : trigger_(loop, trigger.release()), on_event_(std::move(on_event)) {}

  void wait() {
    trigger_.async_wait(stream_descriptor::wait_error,
                        [self = shared_from_this()](const boost::system::error_code& failed) {
                          if (!failed && self->on_event_ && !self->is_gone()) {
                            self->on_event_();
                            self->wait();
                          }
                        });
  }
  void stop() {
    on_event_ = nullptr;
    boost::system::error_code ignored;
    trigger_.close(ignored);
  }

 private:
  // The event itself was taken by the poll that woke us; what stays is that the cgroup is gone.
  bool is_gone() {
    std::array<linux::PollFd, 1> poll{linux::PollFd{trigger_.native_handle(), linux::kPollPri, 0}};
    return !linux::poll(poll, 0) || (poll[0].revents & linux::kPollErr) != 0;
  }

  stream_descriptor trigger_;
  OnEvent on_event_;
};

}  // namespace

Result<EventWatchPtr> watch_stalls(const char* resource, std::uint32_t percent,
                                   const WatchPlace& place, OnEvent on_event) {
  const std::string folder = RECAP_TRY(unified_cgroup_of(place.target, place.roots));
  const auto path = base::concat<4200>(folder, "/", resource, ".pressure");
  linux::UniqueFd trigger = RECAP_TRY(
      linux::open_at(linux::kCwd, path.c_str(), O_RDWR | O_NONBLOCK)
          .context("this kernel keeps no pressure stall information (PSI) of the target"));
  // The kernel takes the text with its NUL.
  const auto text = base::concat<64>("some ", percent * (kWindowUs / 100), " ", kWindowUs);
  if (!linux::write_text(trigger.get(), std::string_view(text.c_str(), text.view().size() + 1))) {
    return Error(Kind::kUnsupported, "this kernel refuses to watch for pressure (PSI)");
  }
  auto watch = std::make_shared<StallWatch>(std::move(trigger), place.loop, std::move(on_event));
  watch->wait();
  return EventWatchPtr(std::make_unique<OwnedWatch<StallWatch>>(std::move(watch)));
}

}  // namespace recap::caplet
