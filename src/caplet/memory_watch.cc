// SPDX-License-Identifier: Apache-2.0
// MemoryPressure by usage: the working set (usage without the page cache that is easy to drop, as
// the kubelet counts it) against the container's limit, looked at every two seconds; or a process
// of the container was killed for lack of memory in between. One event when the threshold is
// crossed, the next only after usage has fallen clearly below it.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "caplet/event_watch.h"
#include "caplet/target_cgroup.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::caplet {
namespace {

using base::Result;
using boost::system::error_code;

constexpr std::chrono::seconds kPeriod{2};
constexpr std::uint32_t kHysteresis = 5;                    // percent
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;  // v1 says so by a huge number

struct Names {
  const char *usage, *limit, *inactive, *events;
};
constexpr Names kV1{"memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file",
                    "memory.oom_control"};
constexpr Names kV2{"memory.current", "memory.max", "inactive_file", "memory.events"};

std::string read(const std::string& folder, const char* name) {
  std::array<char, 16384> buffer;
  const auto text = linux::read_file_at(linux::kCwd, (folder + "/" + name).c_str(), buffer);
  return text ? std::string(*text) : std::string();
}

// "max" is no number.
std::optional<std::uint64_t> number_in(std::string_view text) {
  const auto number = linux::parse_number(linux::next_word(text));
  return number ? std::optional(*number) : std::nullopt;
}

std::uint64_t field_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = linux::next_line(text);
    if (linux::next_word(line) == key) {
      return number_in(line).value_or(0);
    }
  }
  return 0;
}

class MemoryWatch : public std::enable_shared_from_this<MemoryWatch> {
 public:
  MemoryWatch(std::uint32_t percent, TargetCgroup cgroup, boost::asio::io_context& loop,
              OnEvent on_event)
      : percent_(percent),
        cgroup_(std::move(cgroup)),
        names_(cgroup_.v2 ? kV2 : kV1),
        on_event_(std::move(on_event)),
        timer_(loop) {
    kills_ = field_in(read(cgroup_.path, names_.events), "oom_kill");
  }

  void wait() {
    timer_.expires_after(kPeriod);
    timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled && self->on_event_) {
        self->look();
        self->wait();
      }
    });
  }
  void stop() {
    on_event_ = nullptr;
    timer_.cancel();
  }

 private:
  void look() {
    const std::uint64_t kills = field_in(read(cgroup_.path, names_.events), "oom_kill");
    const bool was_killed = kills > std::exchange(kills_, kills);
    const std::uint32_t percent = percent_used();
    const bool crossed =
        percent >= percent_ && !std::exchange(above_, above_ || percent >= percent_);
    above_ = above_ && percent + kHysteresis >= percent_;
    if (was_killed || crossed) {
      on_event_();
    }
  }

  // The larger file is read only when it matters.
  std::uint32_t percent_used() const {
    const auto limit = number_in(read(cgroup_.path, names_.limit));
    const auto usage = number_in(read(cgroup_.path, names_.usage));
    if (!limit || !usage || *limit == 0 || *limit >= kNoLimit) {
      return 0;
    }
    std::uint64_t used = *usage;
    if (used * 100 >= *limit * percent_) {
      used -= std::min(used, field_in(read(cgroup_.path, "memory.stat"), names_.inactive));
    }
    return static_cast<std::uint32_t>(used * 100 / *limit);
  }

  std::uint32_t percent_;
  TargetCgroup cgroup_;
  Names names_;
  OnEvent on_event_;
  boost::asio::steady_timer timer_;
  std::uint64_t kills_ = 0;
  bool above_ = false;
};

}  // namespace

Result<EventWatchPtr> watch_memory(std::uint32_t usage_percent, const WatchPlace& place,
                                   OnEvent on_event) {
  auto cgroup = RECAP_TRY(cgroup_of(place.target, place.roots, "memory"));
  auto watch = std::make_shared<MemoryWatch>(usage_percent, std::move(cgroup), place.loop,
                                             std::move(on_event));
  watch->wait();
  return EventWatchPtr(std::make_unique<OwnedWatch<MemoryWatch>>(std::move(watch)));
}

}  // namespace recap::caplet
