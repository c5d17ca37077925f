// SPDX-License-Identifier: Apache-2.0
#include "kube/reflector.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kube/framing.h"
#include "kube/json.h"
#include "kube/pace.h"
#include "kube/status.h"
#include "kube/transport.h"

namespace recap::kube {

namespace asio = boost::asio;
namespace json = boost::json;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";
constexpr auto kTooShort = std::chrono::seconds(1);  // for a stream without an event

BackoffLimits limits_of(const WatchOptions& options) {
  BackoffLimits limits;
  limits.first = options.first_backoff;
  limits.max = options.max_backoff;
  return limits;
}

// Whether the server says that it does not do WatchList, in one of the ways in which versions and
// their storage do: the request is invalid, or an error 500 inside the stream.
bool no_streamed_lists(const Error& error) {
  const int code = api_code(error);
  return code == 400 || code == 422 || code == 500;
}

}  // namespace

struct Reflector::State : std::enable_shared_from_this<Reflector::State> {
  State(Client api, WatchOptions how, std::shared_ptr<ObjectSink> reader)
      : client(std::move(api)),
        options(std::move(how)),
        sink(std::move(reader)),
        backoff(limits_of(options)),
        timer(client.executor()),
        streams_lists(options.stream_lists) {}

  static asio::awaitable<void> run(std::shared_ptr<State> self);
  Task<void> list();
  Task<void> stream();
  [[nodiscard]] Request watch_request(std::chrono::seconds lasting) const;
  Status event(std::string_view line);
  Status bookmark(const json::object& object);
  void finish_list();
  Millis recover(const Error& error);
  void stop();

  Client client;
  WatchOptions options;
  std::shared_ptr<ObjectSink> sink;
  Backoff backoff;
  asio::steady_timer timer;
  std::shared_ptr<Exchange> exchange;
  Counters counters;
  std::string version;     // where to go on; "": nowhere
  bool from_cache = true;  // lists may come from the server's cache, as old as it is
  bool listed = false;     // `version` is where a complete list ended, or a watch since
  bool streams_lists;
  bool connected = false;
  bool started = false, stopped = false;
};

asio::awaitable<void> Reflector::State::run(std::shared_ptr<State> self) {
  while (!self->stopped) {
    const auto began = Clock::now();
    const std::uint64_t events = self->counters.events;
    const bool streaming = self->listed || self->streams_lists;
    auto round = streaming ? self->stream() : self->list();
    Status ended = co_await std::move(round);
    self->exchange.reset();
    if (self->stopped) {
      break;
    }
    if (ended && streaming && events == self->counters.events && Clock::now() - began < kTooShort) {
      ended = Error(Kind::kBusy, "the API server ended a watch at once");
    }
    if (!ended) {
      const Millis wait = self->recover(ended.error());
      if (wait > Millis(0)) {
        self->timer.expires_after(wait);
        (void)co_await self->timer.async_wait(asio::as_tuple(asio::use_awaitable));
      }
    }
  }
}

// What follows from a failure: where to go on, and when.
Millis Reflector::State::recover(const Error& error) {
  const int code = api_code(error);
  connected = code != 0;
  if (!listed && streams_lists && (no_streamed_lists(error) || error.kind() == Kind::kTimeout)) {
    streams_lists = false;
    return Millis(0);
  }
  ++counters.troubles;
  sink->trouble(error);
  if (stopped) {
    return Millis(0);
  }
  if (code == 410 || api_reason(error) == Reason::kResourceVersionTooLarge) {
    version.clear();
    from_cache = false;
  }
  // Only what is no answer to our version leaves it valid: the network, and "too many requests".
  const bool resumable = code == 429 || (code == 0 && error.kind() != Kind::kCorrupt &&
                                         error.kind() != Kind::kExhausted);
  listed = listed && resumable;
  if (code == 404) {
    const double jitter = 1 + random_part() / 5;
    return Millis(
        static_cast<std::int64_t>(static_cast<double>(options.absent_retry.count()) * jitter));
  }
  return backoff.next(Clock::now());
}

Task<void> Reflector::State::list() {
  const auto self = shared_from_this();
  ListOptions how;
  how.field_selector = options.field_selector;
  how.label_selector = options.label_selector;
  // With a version the server's cache answers, whole; a limit would make it "exactly this version".
  how.resource_version = version.empty() && from_cache ? "0" : version;
  how.page = how.resource_version.empty() ? options.page : 0;
  sink->begin_list();
  auto each = [state = this](const json::object& object) {
    if (!state->stopped) {
      state->sink->put(object);
    }
  };
  RECAP_AWAIT(std::string at, client.list(options.collection, std::move(how), std::move(each)));
  connected = true;
  version = std::move(at);
  if (!stopped) {
    finish_list();
  }
  co_return Status();
}

void Reflector::State::finish_list() {
  listed = true;
  from_cache = true;
  ++counters.lists;
  sink->end_list();
}

Request Reflector::State::watch_request(std::chrono::seconds lasting) const {
  Query query{{"watch", "1"},
              {"allowWatchBookmarks", "true"},
              {"resourceVersion", version},
              {"timeoutSeconds", std::to_string(lasting.count())}};
  if (!listed) {
    query.emplace_back("sendInitialEvents", "true");
    query.emplace_back("resourceVersionMatch", "NotOlderThan");
  }
  if (!options.field_selector.empty()) {
    query.emplace_back("fieldSelector", options.field_selector);
  }
  if (!options.label_selector.empty()) {
    query.emplace_back("labelSelector", options.label_selector);
  }
  Request request;
  request.http.target = with_query(path_of(options.collection), query);
  request.what = "watch " + std::string(options.collection.resource.plural);
  request.may_wait = false;
  return request;
}

Task<void> Reflector::State::stream() {
  const auto self = shared_from_this();
  const auto lasting = std::chrono::seconds(static_cast<std::int64_t>(
      static_cast<double>(options.min_watch.count()) * (1 + random_part())));
  const auto lines = std::make_shared<LineReader>(
      options.max_object_bytes,
      [state = this](std::string_view line) { return state->event(line); });
  BodySink bytes = [lines](std::string_view piece) { return lines->feed(piece); };
  if (!listed) {
    sink->begin_list();
  }
  const auto transport = client.transport();
  RECAP_AWAIT(exchange, transport->open(watch_request(lasting), std::move(bytes)));
  if (stopped) {
    co_return Status();
  }
  ++counters.watches;
  connected = true;
  const auto last_moment = Clock::now() + lasting + options.stall;
  bool more = true;
  while (more) {
    const auto left = std::chrono::duration_cast<Millis>(last_moment - Clock::now());
    const Millis patience = lines->inside_line() || !listed ? options.stall : left;
    RECAP_AWAIT(more, exchange->read(std::max(patience, Millis(1))));
  }
  co_return lines->finish();
}

// One line of a watch.
Status Reflector::State::event(std::string_view line) {
  if (stopped) {
    return Error(Kind::kGone, "the watch was stopped");
  }
  json::object whole = RECAP_TRY(parse_object(line, "an event of a watch"));
  const std::string_view type = text_at(whole, {"type"});
  const json::object* object = object_at(whole, {"object"});
  if (object == nullptr) {
    return Error(Kind::kCorrupt, "an event of a watch has no object");
  }
  if (type == "ERROR") {
    return error_of_status(*object, "watch " + std::string(options.collection.resource.plural));
  }
  if (type == "BOOKMARK") {
    return bookmark(*object);
  }
  if (type != "ADDED" && type != "MODIFIED" && type != "DELETED") {
    return Error(Kind::kCorrupt, "an event of a watch has an unknown type");
  }
  ++counters.events;
  if (listed) {  // before that, versions are as old as the objects
    version = text_at(*object, {"metadata", "resourceVersion"});
  }
  if (type == "DELETED") {
    sink->erase(*object);
  } else {
    sink->put(*object);
  }
  return {};
}

Status Reflector::State::bookmark(const json::object& object) {
  const bool end = text_at(object, {"metadata", "annotations", kInitialEventsEnd}) == "true";
  if (listed || end) {
    version = text_at(object, {"metadata", "resourceVersion"});
  }
  if (!listed && end) {
    finish_list();
  }
  return {};
}

void Reflector::State::stop() {
  stopped = true;
  timer.cancel();
  if (exchange != nullptr) {
    exchange->close();
  }
}

Reflector::Reflector(Client client, WatchOptions options, std::shared_ptr<ObjectSink> sink)
    : state_(std::make_shared<State>(std::move(client), std::move(options), std::move(sink))) {}

Reflector::Reflector(Reflector&&) noexcept = default;

Reflector::~Reflector() {
  if (state_ != nullptr) {
    state_->stop();
  }
}

void Reflector::start() {
  if (!std::exchange(state_->started, true)) {
    spawn(state_->client.executor(), State::run(state_));
  }
}

void Reflector::stop() { state_->stop(); }
bool Reflector::connected() const { return state_->connected; }
const Reflector::Counters& Reflector::counters() const { return state_->counters; }

}  // namespace recap::kube
