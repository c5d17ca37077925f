// SPDX-License-Identifier: Apache-2.0
// LIST, then WATCH, and again whenever it breaks: the loop under kube/watch.h, for one collection.
//
// Its behaviour and numbers are client-go's: the stream of initial events (WatchList) where the
// server has it, else pages; bookmarks; a stream ends after 5 to 10 minutes and goes on where it
// was; 410 lists again; every repetition waits, 0.8 s doubling up to 30 s with jitter, until two
// minutes went well. A stream that stalls is ended by TCP (30 s without acknowledgement), inside a
// line (30 s), or 30 s after the server should have ended it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/json/object.hpp>

#include "kube/client.h"

namespace recap::kube {

struct WatchOptions {
  Endpoint collection;
  std::string field_selector{};
  std::string label_selector{};
  int page = 500;
  bool stream_lists = true;  // WatchList; falls back by itself where the server has none
  std::size_t max_object_bytes = std::size_t{8} << 20;  // of JSON; etcd stores 1.5 MiB
  // A list that fails with 404: the kind is not installed (yet).
  std::chrono::milliseconds absent_retry{60'000};
  // A stream lasts from this to twice as long.
  std::chrono::seconds min_watch{300};
  std::chrono::milliseconds stall{30'000};  // see above
  std::chrono::milliseconds first_backoff{800};
  std::chrono::milliseconds max_backoff{30'000};
};

// Gets what is read. begin_list, put…, end_list: a whole collection, what is not in it is gone;
// a list that breaks off is followed by another begin_list. In between: put and erase.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  virtual void begin_list() = 0;
  virtual void put(const boost::json::object& object) = 0;
  virtual void erase(const boost::json::object& object) = 0;
  virtual void end_list() = 0;
  virtual void trouble(const base::Error& error) = 0;  // and what follows is another attempt
};

class Reflector {
 public:
  struct Counters {
    std::uint64_t lists = 0;    // complete ones, streamed or paged
    std::uint64_t watches = 0;  // streams opened
    std::uint64_t events = 0;   // without bookmarks
    std::uint64_t troubles = 0;
  };

  Reflector(Client client, WatchOptions options, std::shared_ptr<ObjectSink> sink);
  Reflector(Reflector&&) noexcept;
  Reflector& operator=(Reflector&&) = delete;
  ~Reflector();  // as stop()

  void start();  // once
  void stop();   // at once; no call of the sink afterwards

  [[nodiscard]] bool connected() const;
  [[nodiscard]] const Counters& counters() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace recap::kube
