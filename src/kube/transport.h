// SPDX-License-Identifier: Apache-2.0
// What is under kube/client.h: connections to one API server, and one exchange of request and
// answer after the other on them. A watch has its exchange, and so its connection, for itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "kube/client.h"
#include "kube/connection.h"
#include "kube/credentials.h"
#include "kube/http.h"
#include "kube/pace.h"
#include "kube/task.h"

namespace recap::kube {

struct Request {
  HttpRequest http;
  std::string what;      // for messages: "list pods"
  bool may_wait = true;  // 429 and 5xx with Retry-After: again, as long as patience lasts
};

// A request that was answered with 2xx; its body comes by read().
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<Connection> connection, std::size_t max_body, BodySink sink)
      : connection_(std::move(connection)), reader_(max_body, std::move(sink)) {}

  // Waits for more and hands it to the sink; false: that was all. kTimeout when nothing came.
  Task<bool> read(Millis timeout);
  void close() { connection_->close(); }

 private:
  friend class Transport;
  std::shared_ptr<Connection> connection_;
  ResponseReader reader_;
};

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  Transport(Executor executor, Config config, ClientOptions options);

  // The whole exchange: the body of a 2xx answer, or "" when it went to `sink`. 401 renews the
  // credential and tries once more, and so does a connection that turns out to be closed by the
  // server (but not with a POST, which may have been done); see also Request::may_wait.
  Task<std::string> send(Request request, BodySink sink = {});

  // Until the answer's header. Its errors are final: the caller has its own back-off.
  Task<std::shared_ptr<Exchange>> open(Request request, BodySink sink);

  // kGone when the transport was closed meanwhile.
  Task<void> sleep(Millis time);
  void close();

  [[nodiscard]] const Executor& executor() const { return executor_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] const Client::Counters& counters() const { return counters_; }

 private:
  struct Idle {
    std::shared_ptr<Connection> connection;
    Clock::time_point since;
  };
  // How an attempt ended: an exchange with 2xx, or an error that another attempt may mend.
  struct Attempt {
    std::shared_ptr<Exchange> exchange;
    std::optional<base::Error> error;
    std::optional<Millis> retry_after;
    bool stale = false;         // an old connection broke before the server said a byte
    bool unauthorized = false;  // 401
  };

  Task<Attempt> attempt(Request request, BodySink sink, bool fresh);
  Task<void> write_and_wait(std::shared_ptr<Exchange> exchange, std::string bytes,
                            Clock::time_point deadline);
  Task<void> read_all(std::shared_ptr<Exchange> exchange, Clock::time_point deadline);
  Task<std::shared_ptr<Connection>> connect();
  Task<void> wait_for_turn();
  [[nodiscard]] base::Error closed() const;
  base::Result<std::string> compose(const HttpRequest& request, const Credential& credential) const;
  base::Status refresh_tls(const Credential& credential);
  std::shared_ptr<Connection> take_idle();
  void give_back(const Exchange& exchange);
  Attempt judge(Exchange& exchange, const Request& request);

  Executor executor_;
  Config config_;
  ClientOptions options_;
  TokenBucket bucket_;
  std::shared_ptr<Credentials> credentials_;
  TlsMaterial tls_material_;
  std::int64_t ca_changed_ns_ = 0;
  TlsContext tls_;
  std::vector<Idle> idle_;
  std::vector<std::weak_ptr<Connection>> connections_;
  std::set<boost::asio::steady_timer*> sleeping_;
  Client::Counters counters_;
  bool closed_ = false;
};

}  // namespace recap::kube
