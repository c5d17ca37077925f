// SPDX-License-Identifier: Apache-2.0
#include "kube/lease.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kube/json.h"
#include "kube/pace.h"
#include "kube/status.h"

namespace recap::kube {

namespace asio = boost::asio;
namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Status;

namespace {

constexpr double kJitter = 1.2;

std::string now_text() {
  return micro_time(std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count());
}

std::int64_t whole_seconds(Millis time) {
  return std::max<std::int64_t>(1, (time.count() + 999) / 1000);
}

}  // namespace

struct LeaderElector::State : std::enable_shared_from_this<LeaderElector::State> {
  State(Client api, LeaseOptions how, std::function<void(bool)> told)
      : client(std::move(api)),
        options(std::move(how)),
        on_lead(std::move(told)),
        pause(client.executor()),
        limit(client.executor()) {}

  static asio::awaitable<void> run(std::shared_ptr<State> self);
  static Task<void> resign(std::shared_ptr<State> self);
  Task<void> acquire_or_renew();
  Task<void> look();
  [[nodiscard]] Endpoint where(bool named) const;
  [[nodiscard]] json::object mine() const;
  void observe(json::object seen);
  void lead_from(Clock::time_point began);
  void lead_no_more();
  [[nodiscard]] bool held_by_other() const;
  [[nodiscard]] std::string_view holder() const {
    return text_at(lease, {"spec", "holderIdentity"});
  }

  Client client;
  LeaseOptions options;
  std::function<void(bool)> on_lead;
  asio::steady_timer pause;
  asio::steady_timer limit;  // when we have to stop leading
  json::object lease;        // as last seen; empty: there is none
  Clock::time_point seen{};  // when it last changed, by our clock
  bool leading = false, started = false, stopped = false;
};

Endpoint LeaderElector::State::where(bool named) const {
  return {.resource = kLeases, .ns = options.ns, .name = named ? options.name : ""};
}

// The lease as it is when we hold it.
json::object LeaderElector::State::mine() const {
  const bool ours = holder() == options.identity;
  const std::string now = now_text();
  const std::int64_t transitions =
      number_at(lease, {"spec", "leaseTransitions"}).value_or(0) + (ours || lease.empty() ? 0 : 1);
  const std::string_view since = text_at(lease, {"spec", "acquireTime"});
  json::object spec{{"holderIdentity", options.identity},
                    {"leaseDurationSeconds", whole_seconds(options.duration)},
                    {"acquireTime", ours && !since.empty() ? since : std::string_view(now)},
                    {"renewTime", now},
                    {"leaseTransitions", transitions}};
  json::object out = lease;
  if (out.empty()) {
    out["apiVersion"] = api_version_of(kLeases);
    out["kind"] = "Lease";
    out["metadata"] = json::object{{"name", options.name}, {"namespace", options.ns}};
  }
  out["spec"] = std::move(spec);
  return out;
}

void LeaderElector::State::observe(json::object object) {
  if (text_at(object, {"metadata", "resourceVersion"}) !=
          text_at(lease, {"metadata", "resourceVersion"}) ||
      lease.empty()) {
    seen = Clock::now();
  }
  lease = std::move(object);
}

// Its holder is somebody else, and renewed it within its duration by our own clock.
bool LeaderElector::State::held_by_other() const {
  if (holder().empty() || holder() == options.identity) {
    return false;
  }
  const auto seconds =
      number_at(lease, {"spec", "leaseDurationSeconds"}).value_or(whole_seconds(options.duration));
  return Clock::now() < seen + std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 86400));
}

Task<void> LeaderElector::State::look() {
  auto getting = client.get(where(true));
  auto got = co_await std::move(getting);
  if (got) {
    observe(std::move(*got));
  } else if (got.error().kind() == Kind::kNotFound) {
    lease = {};
  } else {
    co_return got.error();
  }
  co_return Status();
}

// Ends well when we hold the lease now.
Task<void> LeaderElector::State::acquire_or_renew() {
  const auto began = Clock::now();
  if (holder() != options.identity) {  // who holds it writes at once: a conflict tells
    RECAP_AWAIT_OK(look());
  }
  if (held_by_other()) {
    co_return Error(Kind::kBusy, "another holds the lease");
  }
  auto writing =
      lease.empty() ? client.create(where(false), mine()) : client.update(where(true), mine());
  auto written = co_await std::move(writing);
  if (!written) {
    auto looking = look();
    (void)co_await std::move(looking);
    co_return written.error();
  }
  observe(std::move(*written));
  lead_from(began);
  co_return Status();
}

void LeaderElector::State::lead_from(Clock::time_point began) {
  if (stopped) {
    return;
  }
  limit.expires_at(began + options.renew_deadline);
  limit.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self != nullptr) {
      self->lead_no_more();
    }
  });
  if (!std::exchange(leading, true) && on_lead) {
    on_lead(true);
  }
}

void LeaderElector::State::lead_no_more() {
  if (std::exchange(leading, false) && on_lead) {
    on_lead(false);
  }
}

asio::awaitable<void> LeaderElector::State::run(std::shared_ptr<State> self) {
  while (!self->stopped) {
    auto trying = self->acquire_or_renew();
    const Status tried = co_await std::move(trying);
    if (!tried && self->held_by_other()) {
      self->lead_no_more();
    }
    if (self->stopped) {
      break;
    }
    const double jitter = self->leading ? 0 : kJitter * random_part();
    self->pause.expires_after(Millis(static_cast<std::int64_t>(
        static_cast<double>(self->options.retry.count()) * (1 + jitter))));
    (void)co_await self->pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

Task<void> LeaderElector::State::resign(std::shared_ptr<State> self) {
  self->stopped = true;
  self->pause.cancel();
  self->limit.cancel();
  self->lead_no_more();
  // Twice, for a renewal may have been under way.
  Status given_up;
  for (int tries = 0; tries < 2; ++tries) {
    if (self->holder() != self->options.identity) {
      co_return Status();
    }
    json::object free = self->mine();
    json::object& spec = free["spec"].as_object();
    spec["holderIdentity"] = "";
    spec["leaseDurationSeconds"] = 1;
    auto updating = self->client.update(self->where(true), free);
    auto updated = co_await std::move(updating);
    if (updated) {
      co_return Status();
    }
    given_up = updated.error();
    RECAP_AWAIT_OK(self->look());
  }
  co_return given_up;
}

LeaderElector::LeaderElector(Client client, LeaseOptions options, std::function<void(bool)> on_lead)
    : state_(std::make_shared<State>(std::move(client), std::move(options), std::move(on_lead))) {}

LeaderElector::LeaderElector(LeaderElector&&) noexcept = default;

LeaderElector::~LeaderElector() {
  if (state_ != nullptr) {
    state_->stopped = true;
    state_->on_lead = {};
    state_->pause.cancel();
    state_->limit.cancel();
  }
}

void LeaderElector::start() {
  if (!std::exchange(state_->started, true)) {
    spawn(state_->client.executor(), State::run(state_));
  }
}

Task<void> LeaderElector::resign() { return State::resign(state_); }
bool LeaderElector::leading() const { return state_->leading; }
std::string LeaderElector::holder() const { return std::string(state_->holder()); }

}  // namespace recap::kube
