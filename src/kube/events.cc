// SPDX-License-Identifier: Apache-2.0
#include "kube/events.h"

#include <chrono>
#include <deque>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kube/event_folder.h"
#include "kube/json.h"
#include "kube/status.h"

namespace recap::kube {

namespace asio = boost::asio;
namespace json = boost::json;
using base::Error;
using base::Status;

namespace {

constexpr auto kBetweenTries = std::chrono::seconds(10);
constexpr auto kBetweenLooks = std::chrono::minutes(1);  // for series that are due

std::int64_t unix_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

json::object series_of(const EventWrite& write) {
  return {{"count", write.count}, {"lastObservedTime", micro_time(write.last_ns)}};
}

json::object object_of(const EventWrite& write, const EventsOptions& options) {
  const ObjectReference& about = write.event.regarding;
  json::object regarding{{"apiVersion", about.api_version},
                         {"kind", about.kind},
                         {"namespace", about.ns},
                         {"name", about.name},
                         {"uid", about.uid}};
  json::object metadata{{"name", write.name}, {"namespace", write.ns}};
  json::object event{{"apiVersion", api_version_of(kEvents)},
                     {"kind", "Event"},
                     {"metadata", std::move(metadata)},
                     {"eventTime", micro_time(write.first_ns)},
                     {"type", write.event.warning ? "Warning" : "Normal"},
                     {"reason", write.event.reason},
                     {"action", write.event.action},
                     {"note", write.event.note},
                     {"regarding", std::move(regarding)},
                     {"reportingController", options.controller},
                     {"reportingInstance", options.instance}};
  if (write.count > 1) {
    event["series"] = series_of(write);
  }
  return event;
}

bool worth_another_try(const Error& error) {
  const int code = api_code(error);
  return code == 0 || code == 429 || code >= 500;
}

}  // namespace

struct EventRecorder::State : std::enable_shared_from_this<EventRecorder::State> {
  State(Client api, EventsOptions how)
      : client(std::move(api)), options(std::move(how)), timer(client.executor()) {}

  static asio::awaitable<void> work(std::shared_ptr<State> self);
  Task<void> write(EventWrite event) const;
  Task<void> create(EventWrite event) const;
  asio::awaitable<void> deliver(EventWrite event);
  asio::awaitable<void> wait(std::chrono::seconds time);
  void enqueue(EventWrite event);

  Client client;
  EventsOptions options;
  asio::steady_timer timer;
  EventFolder folder;
  std::deque<EventWrite> queue;
  Counters counters;
  bool working = false, stopped = false, resting = false;
};

void EventRecorder::State::enqueue(EventWrite event) {
  if (queue.size() >= options.max_queue) {
    ++counters.dropped;
    return;
  }
  queue.push_back(std::move(event));
}

asio::awaitable<void> EventRecorder::State::wait(std::chrono::seconds time) {
  timer.expires_after(time);
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> EventRecorder::State::create(EventWrite event) const {
  Endpoint where;
  where.resource = kEvents;
  where.ns = event.ns;
  auto creating = client.create(where, object_of(event, options));
  const auto created = co_await std::move(creating);
  // An attempt before this one arrived after all.
  if (!created && api_reason(created.error()) != Reason::kAlreadyExists) {
    co_return created.error();
  }
  co_return Status();
}

Task<void> EventRecorder::State::write(EventWrite event) const {
  if (event.count > 1) {
    Endpoint where;
    where.resource = kEvents;
    where.ns = event.ns;
    where.name = event.name;
    json::object patch{{"series", series_of(event)}};
    auto patching = client.merge_patch(where, patch);
    const auto patched = co_await std::move(patching);
    if (patched || patched.error().kind() != base::Kind::kNotFound) {
      co_return patched ? Status() : Status(patched.error());
    }  // its hour is over: it is written as a new one
  }
  RECAP_AWAIT_OK(create(std::move(event)));
  co_return Status();
}

asio::awaitable<void> EventRecorder::State::deliver(EventWrite event) {
  for (int tries = 1; !stopped; ++tries) {
    auto writing = write(event);
    const Status written = co_await std::move(writing);
    if (written) {
      ++counters.sent;
      co_return;
    }
    if (tries >= options.tries || !worth_another_try(written.error())) {
      ++counters.dropped;
      co_return;
    }
    auto pause = wait(kBetweenTries);
    co_await std::move(pause);
  }
}

asio::awaitable<void> EventRecorder::State::work(std::shared_ptr<State> self) {
  while (!self->stopped && !(self->queue.empty() && self->folder.idle())) {
    if (!self->queue.empty()) {
      EventWrite next = std::move(self->queue.front());
      self->queue.pop_front();
      auto delivery = self->deliver(std::move(next));
      co_await std::move(delivery);
      continue;
    }
    self->resting = true;
    auto rest = self->wait(kBetweenLooks);
    co_await std::move(rest);
    self->resting = false;
    for (EventWrite& series : self->folder.due(Clock::now())) {
      self->enqueue(std::move(series));
    }
  }
  self->working = false;
}

EventRecorder::EventRecorder(Client client, EventsOptions options)
    : state_(std::make_shared<State>(std::move(client), std::move(options))) {}

EventRecorder::EventRecorder(EventRecorder&&) noexcept = default;

EventRecorder::~EventRecorder() {
  if (state_ != nullptr) {
    state_->stopped = true;
    state_->timer.cancel();
  }
}

void EventRecorder::record(const Event& event) {
  State& state = *state_;
  if (auto write = state.folder.record(event, Clock::now(), unix_ns())) {
    state.enqueue(std::move(*write));
  }
  state.counters.folded = state.folder.folded();
  state.counters.suppressed = state.folder.suppressed();
  if (!std::exchange(state.working, true)) {
    spawn(state.client.executor(), State::work(state_));
  } else if (state.resting) {
    state.timer.cancel();
  }
}

const EventRecorder::Counters& EventRecorder::counters() const { return state_->counters; }

}  // namespace recap::kube
