// SPDX-License-Identifier: Apache-2.0
// The Caplet's own HTTP: /livez, /readyz, /metrics, /http_sd, /scrape/RUN. It listens on a loopback
// address, or on the pod's, and answers GET alone. What it says is bounded, and nothing can be
// changed by it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.h"

namespace recap::caplet {

struct HttpAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  using Handler = std::function<HttpAnswer()>;
  // Gets what follows its path, and answers later, on the event loop's thread.
  using Answer = std::function<void(HttpAnswer)>;
  using LateHandler = std::function<void(const std::string& rest, Answer answer)>;

  explicit HttpServer(boost::asio::io_context& loop);

  void on_get(std::string path, Handler handler);
  void on_get_below(std::string path, LateHandler handler);
  // "127.0.0.1:9464". kInvalid: no such address; kBusy: it is taken.
  base::Status listen(const std::string& address);

 private:
  class Session;
  void accept();
  void answer(std::string_view path, Answer answer) const;

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer again_;
  std::map<std::string, Handler, std::less<>> handlers_;
  std::map<std::string, LateHandler, std::less<>> late_handlers_;
  int sessions_ = 0;
};

}  // namespace recap::caplet
