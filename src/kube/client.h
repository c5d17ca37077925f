// SPDX-License-Identifier: Apache-2.0
// Requests to one API server.
//
// Keeps a few connections alive, waits for its turn (a token bucket as client-go's), adds the
// credential and renews it on 401, honours Retry-After, gives up when patience is over. Every
// answer is bounded. A Client is a handle: copies share connections, bucket and credential, and
// may be taken by value into coroutines. All on the executor's thread; its context must outlive
// the last copy.
//
// Errors: kube/status.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/json/object.hpp>

#include "kube/config.h"
#include "kube/resource.h"
#include "kube/task.h"

namespace recap::kube {

struct ClientOptions {
  double qps = 5;  // requests a second in the long run
  int burst = 10;  // at once
  std::string user_agent = "recap";
  std::chrono::milliseconds connect_timeout{10'000};       // resolve, TCP, TLS: each
  std::chrono::milliseconds request_timeout{30'000};       // one attempt, until its last byte
  std::chrono::milliseconds patience{60'000};              // no further attempt after that
  std::size_t max_response_bytes = std::size_t{16} << 20;  // of one object
};

struct ApplyOptions {
  std::string field_manager;  // required, at most 128 characters
  bool force = true;          // take over fields of other managers
};

struct DeleteOptions {
  std::string uid;                // only this very object; "": whatever has the name
  std::string propagation;        // "": the server's default; Background, Foreground, Orphan
  int grace_period_seconds = -1;  // < 0: the object's own
};

struct ListOptions {
  std::string field_selector;
  std::string label_selector;
  std::string resource_version;  // "": the newest; "0": whatever the server's cache has
  int page = 500;                // objects a page; 0: one page
};

class Transport;

class Client {
 public:
  Client(Executor executor, Config config, ClientOptions options = {});

  Task<boost::json::object> get(const Endpoint& which) const;
  // With `dry_run` everything is checked and nothing is made.
  Task<boost::json::object> create(const Endpoint& collection, const boost::json::object& body,
                                   bool dry_run = false) const;
  // PUT: with metadata.resourceVersion in `body` it fails with Conflict when another was faster.
  Task<boost::json::object> update(const Endpoint& which, const boost::json::object& body) const;
  // Server-side apply; `body` needs apiVersion, kind and metadata.name.
  Task<boost::json::object> apply(const Endpoint& which, const boost::json::object& body,
                                  const ApplyOptions& options) const;
  Task<boost::json::object> merge_patch(const Endpoint& which,
                                        const boost::json::object& patch) const;
  // An object that is not there is kNotFound.
  Task<void> remove(const Endpoint& which, const DeleteOptions& options = {}) const;

  // Calls `each` for every object, one at a time as they arrive: what is held is one object, not
  // the list. Objects of a list have neither apiVersion nor kind. The result is the list's
  // resourceVersion.
  Task<std::string> list(Endpoint collection, ListOptions options,
                         std::function<void(const boost::json::object&)> each) const;

  // Breaks every connection; whoever waits gets kGone, and so do all later requests. Other copies
  // of this Client are closed with it. For a shutdown that need not wait.
  void close() const;

  [[nodiscard]] const Executor& executor() const;
  [[nodiscard]] const Config& config() const;
  // Requests sent so far, by their outcome's code / 100 (0: no answer), for metrics.
  struct Counters {
    std::uint64_t by_class[6] = {};
    std::uint64_t throttled_ms = 0;  // waited for the bucket
    std::uint64_t connections = 0;   // opened
  };
  [[nodiscard]] const Counters& counters() const;

  [[nodiscard]] const std::shared_ptr<Transport>& transport() const { return transport_; }

 private:
  std::shared_ptr<Transport> transport_;
};

}  // namespace recap::kube
