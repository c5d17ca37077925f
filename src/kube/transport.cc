// SPDX-License-Identifier: Apache-2.0
#include "kube/transport.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kube/status.h"

namespace recap::kube {

namespace asio = boost::asio;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr int kMaxTries = 10;

Millis until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
  return std::max(left, Millis(1));
}

}  // namespace

Task<bool> Exchange::read(Millis timeout) {
  const auto self = shared_from_this();
  if (reader_.done()) {
    co_return false;
  }
  RECAP_AWAIT(const std::string_view bytes, connection_->read(timeout));
  const Status used = bytes.empty() ? reader_.end_of_stream() : reader_.feed(bytes);
  if (!used) {
    connection_->close();
    co_return used.error();
  }
  co_return !reader_.done();
}

Transport::Transport(Executor executor, Config config, ClientOptions options)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      options_(std::move(options)),
      bucket_(options_.qps, options_.burst),
      credentials_(std::make_shared<Credentials>(config_)) {}

Error Transport::closed() const { return {Kind::kGone, "the client was closed"}; }

Task<void> Transport::sleep(Millis time) {
  const auto self = shared_from_this();
  asio::steady_timer timer(executor_, time);
  // Forgets the timer also when the frame is destroyed instead of resumed.
  struct Registered {
    std::set<asio::steady_timer*>& all;
    asio::steady_timer* timer;
    ~Registered() { all.erase(timer); }
  } const registered{sleeping_, &timer};
  sleeping_.insert(&timer);
  if (!closed_) {
    (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return closed_ ? Status(closed()) : Status();
}

Task<void> Transport::wait_for_turn() {
  const Millis wait = bucket_.take(Clock::now());
  if (wait > Millis(0)) {
    counters_.throttled_ms += static_cast<std::uint64_t>(wait.count());
    RECAP_AWAIT_OK(sleep(wait));
  }
  co_return Status();
}

void Transport::close() {
  closed_ = true;
  idle_.clear();
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) {
      connection->close();
    }
  }
  for (asio::steady_timer* timer : sleeping_) {
    timer->cancel();
  }
}

Task<void> Transport::write_and_wait(std::shared_ptr<Exchange> exchange, std::string bytes,
                                     Clock::time_point deadline) {
  RECAP_AWAIT_OK(exchange->connection_->write(std::move(bytes), until(deadline)));
  while (!exchange->reader_.header_done()) {
    RECAP_AWAIT_OK(exchange->read(until(deadline)));
  }
  if (exchange->reader_.status() / 100 != 2) {
    RECAP_AWAIT_OK(read_all(exchange, deadline));
  }
  co_return Status();
}

Task<void> Transport::read_all(std::shared_ptr<Exchange> exchange, Clock::time_point deadline) {
  bool more = true;
  while (more) {
    RECAP_AWAIT(more, exchange->read(until(deadline)));
  }
  co_return Status();
}

// What the answer means.
Transport::Attempt Transport::judge(Exchange& exchange, const Request& request) {
  Attempt result;
  const int code = exchange.reader_.status();
  ++counters_.by_class[std::clamp(code / 100, 0, 5)];
  result.error = error_of_answer(code, exchange.reader_.body(), request.what);
  result.unauthorized = code == 401;
  if (result.unauthorized) {
    credentials_->rejected();
    idle_.clear();  // they may be bound to a client certificate
  } else {
    give_back(exchange);
  }
  if (const auto seconds = exchange.reader_.retry_after(); code == 429 || code >= 500) {
    result.retry_after = seconds ? std::optional<Millis>(*seconds) : std::nullopt;
  }
  return result;
}

Task<Transport::Attempt> Transport::attempt(Request request, BodySink sink, bool fresh) {
  const auto self = shared_from_this();
  RECAP_AWAIT_OK(wait_for_turn());
  RECAP_AWAIT(const Credential credential, credentials_->current());
  if (Status ready = refresh_tls(credential); !ready) {
    co_return ready.error();
  }
  RECAP_CO_TRY(std::string bytes, compose(request.http, credential));
  std::shared_ptr<Connection> connection = fresh ? nullptr : take_idle();
  const bool reused = connection != nullptr;
  if (!reused) {
    auto connecting = connect();
    auto connected = co_await std::move(connecting);
    if (!connected) {
      ++counters_.by_class[0];
      co_return closed_ ? closed() : std::move(connected).context(request.what).error();
    }
    connection = std::move(*connected);
  }
  const Clock::time_point deadline = Clock::now() + options_.request_timeout;
  const auto exchange =
      std::make_shared<Exchange>(connection, options_.max_response_bytes, std::move(sink));
  auto waiting = write_and_wait(exchange, std::move(bytes), deadline);
  Status answered = co_await std::move(waiting);
  if (answered && exchange->reader_.status() / 100 != 2) {
    co_return judge(*exchange, request);
  }
  Attempt result;
  if (answered) {
    ++counters_.by_class[2];
    result.exchange = exchange;
  } else {
    ++counters_.by_class[0];
    exchange->close();
    result.stale = reused && !exchange->reader_.begun();
    result.error = closed_ ? closed() : std::move(answered).context(request.what).error();
  }
  co_return result;
}

Task<std::shared_ptr<Exchange>> Transport::open(Request request, BodySink sink) {
  const auto self = shared_from_this();
  RECAP_AWAIT(Attempt first, attempt(request, sink, false));
  if (first.stale || first.unauthorized) {
    RECAP_AWAIT(first, attempt(request, sink, true));
  }
  if (first.error) {
    co_return *first.error;
  }
  co_return std::move(first.exchange);
}

Task<std::string> Transport::send(Request request, BodySink sink) {
  const auto self = shared_from_this();
  const Clock::time_point patience = Clock::now() + options_.patience;
  bool fresh = false;
  bool renewed = false;
  for (int tries = 0;; ++tries) {
    RECAP_AWAIT(Attempt last, attempt(request, sink, fresh));
    if (!last.error) {
      RECAP_AWAIT_OK(read_all(last.exchange, Clock::now() + options_.request_timeout));
      give_back(*last.exchange);
      co_return std::move(last.exchange->reader_.body());
    }
    const bool mend_connection = last.stale && !fresh && request.http.method != "POST";
    const bool mend_credential = last.unauthorized && !std::exchange(renewed, true);
    fresh = fresh || mend_connection;
    if (mend_connection || mend_credential) {
      continue;
    }
    if (!request.may_wait || !last.retry_after || tries == kMaxTries ||
        Clock::now() + *last.retry_after > patience) {
      co_return *last.error;
    }
    RECAP_AWAIT_OK(sleep(*last.retry_after));
  }
}

}  // namespace recap::kube
