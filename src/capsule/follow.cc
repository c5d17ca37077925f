// SPDX-License-Identifier: Apache-2.0
// The loop itself. What arrives is handled in the order relays, signals, events, so that output is
// not overtaken by the news that it ended.
#include "capsule/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "capsule/keeper_link.h"
#include "capsule/stdio.h"
#include "linux/fs.h"
#include "linux/socket.h"

namespace recap::capsule {
namespace {

constexpr std::size_t kFixedSlots = 3;  // events, signals, keeper; two more per relay follow

class Follower {
 public:
  Follower(const FollowOptions& options, linux::UniqueFd events, const SignalWatch& signals,
           std::vector<Relay>& relays)
      : options_(options),
        events_(std::move(events)),
        signals_(signals),
        relays_(relays),
        keeper_(options.keeper),
        keys_(options.detach_keys) {}

  base::Result<Outcome> run();

 private:
  base::Status wait();
  void on_signal(int signal);
  void tell(const run::Command& command);
  base::Status on_event();
  base::Status on_attached(linux::UniqueFd master);
  bool detach_requested() const;
  void finish(Outcome::End end) { outcome_.end = end, over_ = true; }

  const FollowOptions& options_;
  linux::UniqueFd events_;
  const SignalWatch& signals_;
  std::vector<Relay>& relays_;
  std::vector<linux::PollFd> slots_;
  int keeper_;
  linux::UniqueFd moved_keeper_;
  DetachKeys keys_;
  linux::UniqueFd master_;
  std::optional<RawTerminal> raw_;
  int interrupts_ = 0;
  bool over_ = false;
  Outcome outcome_;
};

base::Result<Outcome> Follower::run() {
  while (!over_) {
    if (base::Status ok = wait(); !ok) {
      return std::move(ok).error();
    }
    for (std::size_t i = 0; i < (slots_.size() - kFixedSlots) / 2; ++i) {
      relays_[i].advance(std::span(slots_).subspan(kFixedSlots + 2 * i, 2));
    }
    if (detach_requested()) {
      tell({.type = run::CommandType::kDetach});
      finish(Outcome::End::kDetached);
    }
    while (const int signal = signals_.next()) {
      on_signal(signal);
    }
    if (slots_[0].revents != 0 && !over_) {
      if (base::Status ok = on_event(); !ok) {
        return std::move(ok).error();
      }
    } else if (slots_[2].revents != 0 && !over_) {
      finish(Outcome::End::kKeeperGone);  // and it has said all that it had to say
    }
  }
  if (outcome_.end == Outcome::End::kDone) {
    drain(signals_, relays_);
  }
  return outcome_;
}

base::Status Follower::wait() {
  slots_.assign(kFixedSlots + 2 * relays_.size(), {});
  slots_[0] = {events_.get(), linux::kPollIn, 0};
  slots_[1] = {signals_.fd(), linux::kPollIn, 0};
  slots_[2] = {keeper_, linux::kPollIn, 0};
  for (std::size_t i = 0; i < relays_.size(); ++i) {
    relays_[i].watch(std::span(slots_).subspan(kFixedSlots + 2 * i, 2));
  }
  auto ready = linux::poll(slots_, -1);
  return ready ? base::Status() : base::Status(std::move(ready).error());
}

bool Follower::detach_requested() const {
  for (const Relay& relay : relays_) {
    if (relay.detach_requested()) {
      return true;
    }
  }
  return false;
}

void Follower::on_signal(int signal) {
  if (signal == SIGWINCH) {
    if (master_.valid()) {
      copy_window_size(STDIN_FILENO, master_.get());
    }
    return;
  }
  ++interrupts_;
  const bool end = interrupts_ > 1 || signal == SIGTERM || signal == SIGHUP;
  if (end && options_.is_visitor) {
    finish(Outcome::End::kDetached);
    return;
  }
  run::Command command;
  command.type = end ? run::CommandType::kStop : run::CommandType::kSignal;
  command.signal = signal;
  command.grace_ms = interrupts_ > 1 ? 0 : options_.grace_ms;
  tell(command);
}

void Follower::tell(const run::Command& command) {
  (void)linux::send(events_.get(), std::as_bytes(std::span(&command, 1)), {}, true);
}

base::Status Follower::on_event() {
  run::Event event;
  std::array<linux::UniqueFd, 2> fds;
  auto size =
      linux::receive(events_.get(), std::as_writable_bytes(std::span(&event, 1)), fds, true);
  if (!size && size.error().errno_value() == EAGAIN) {
    return {};
  }
  if (!size || *size == 0) {
    finish(Outcome::End::kKeeperGone);
    return {};
  }
  if (*size != sizeof event || event.version != run::kControlVersion) {
    return base::Error(base::Kind::kUnsupported,
                       "the run's keeper is of another version of RECap: use that version's recap");
  }
  if (event.type == run::EventType::kMoved) {
    moved_keeper_ = std::move(fds[0]);
    keeper_ = moved_keeper_.get();
    return {};
  }
  outcome_.event = event;
  if (options_.until_first_event != nullptr) {
    options_.until_first_event->reset();
  }
  if (event.type == run::EventType::kRefused) {
    return base::Error(base::Kind::kBusy, message_of(event));
  }
  if (event.type == run::EventType::kDone) {
    finish(Outcome::End::kDone);
  } else if (event.type == run::EventType::kAttached) {
    return on_attached(std::move(fds[0]));
  }
  return {};
}

base::Status Follower::on_attached(linux::UniqueFd master) {
  outcome_.was_attached = true;
  if (options_.until_attached) {
    finish(Outcome::End::kAttached);
    return {};
  }
  if (!options_.terminal || !master.valid()) {
    return {};
  }
  master_ = std::move(master);
  if (base::Status ok = linux::set_nonblocking(master_.get(), true); !ok) {
    return ok;
  }
  raw_.emplace(RECAP_TRY(RawTerminal::enter(STDIN_FILENO)));
  copy_window_size(STDIN_FILENO, master_.get());
  Relay input(Relay::Direction::kToFunction, callers_end(STDIN_FILENO, O_RDONLY),
              RelayEnd::lend(master_.get(), false));
  input.set_filter(
      [](void* keys, std::string& typed) { return static_cast<DetachKeys*>(keys)->filter(typed); },
      &keys_);
  relays_.push_back(std::move(input));
  relays_.emplace_back(Relay::Direction::kFromFunction, RelayEnd::lend(master_.get(), false),
                       callers_end(STDOUT_FILENO, O_WRONLY));
  return {};
}

}  // namespace

base::Result<Outcome> follow(const FollowOptions& options, linux::UniqueFd events,
                             const SignalWatch& signals, std::vector<Relay>& relays) {
  return Follower(options, std::move(events), signals, relays).run();
}

void drain(const SignalWatch& signals, std::vector<Relay>& relays) {
  std::erase_if(relays, [](const Relay& relay) {
    return relay.direction() == Relay::Direction::kToFunction || relay.done();
  });
  for (Relay& relay : relays) {
    relay.take_the_rest();
  }
  std::vector<linux::PollFd> slots;
  while (!relays.empty()) {
    slots.assign(1 + 2 * relays.size(), {});
    slots[0] = {signals.fd(), linux::kPollIn, 0};
    bool reads = false;
    for (std::size_t i = 0; i < relays.size(); ++i) {
      relays[i].watch(std::span(slots).subspan(1 + 2 * i, 2));
      reads = reads || slots[1 + 2 * i].fd >= 0;
    }
    if (!linux::poll(slots, reads ? 0 : -1)) {
      return;
    }
    while (const int signal = signals.next()) {
      if (signal != SIGWINCH) {
        return;
      }
    }
    for (std::size_t i = 0; i < relays.size(); ++i) {
      relays[i].advance(std::span(slots).subspan(1 + 2 * i, 2));
    }
    std::erase_if(relays, [](const Relay& relay) { return relay.done(); });
  }
}

}  // namespace recap::capsule
