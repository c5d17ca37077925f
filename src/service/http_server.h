// SPDX-License-Identifier: Apache-2.0
// A daemon's own HTTP: /livez, /readyz, /metrics and what else it serves. It listens on a loopback
// address, or on the pod's. What it reads is bounded, in time too; it answers POST only where a
// handler was given for it, and who may call that is the handler's to decide.
//
// One thread, that of the event loop.
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

namespace recap::service {

struct HttpAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpPost {
  std::string rest;                            // of the target, behind the handler's path
  std::map<std::string, std::string> headers;  // names in lower case; of one twice, the last
  std::string body;
};

// PEM files; both empty: no TLS.
struct TlsFiles {
  std::string cert, key;
};

class HttpServer {
 public:
  using Handler = std::function<HttpAnswer()>;
  // Gets what follows its path, and answers later, on the event loop's thread.
  using Answer = std::function<void(HttpAnswer)>;
  using LateHandler = std::function<void(const std::string& rest, Answer answer)>;
  using PostHandler = std::function<void(HttpPost post, Answer answer)>;

  explicit HttpServer(boost::asio::io_context& loop);

  void on_get(std::string path, Handler handler);
  // "/scrape/": every path that begins so.
  void on_get_below(std::string path, LateHandler handler);
  void on_post_below(std::string path, PostHandler handler);
  // "127.0.0.1:9464". kInvalid: no such address, or no such certificate; kBusy: it is taken.
  base::Status listen(const std::string& address, TlsFiles tls = {});

 private:
  template <typename Stream>
  class Session;
  void accept();
  void begin(boost::asio::ip::tcp::socket socket);
  void answer_get(std::string_view path, Answer answer) const;
  void answer_post(std::string_view path, HttpPost post, Answer answer) const;

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer again_;
  std::map<std::string, Handler, std::less<>> handlers_;
  std::map<std::string, LateHandler, std::less<>> late_handlers_;
  std::map<std::string, PostHandler, std::less<>> post_handlers_;
  TlsFiles tls_;
  int sessions_ = 0;
};

}  // namespace recap::service
