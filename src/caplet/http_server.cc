// SPDX-License-Identifier: Apache-2.0
#include "caplet/http_server.h"

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "caplet/log.h"

namespace recap::caplet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kBreath{1};
constexpr std::uint32_t kMaxHeader = 8192;
constexpr std::uint64_t kMaxBody = 1024;
constexpr int kMaxSessions = 64;

}  // namespace

// One connection. It lives as long as it is read from or written to.
class HttpServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(HttpServer& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {
    ++server_.sessions_;
  }
  ~Session() { --server_.sessions_; }

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code failed, std::size_t) {
                       if (!failed) {
                         self->answer();
                       }
                     });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    const bool is_get = request.method() == http::verb::get || request.method() == http::verb::head;
    if (!is_get) {
      write({.status = 405, .body = "only GET\n"});
      return;
    }
    const std::string_view target(request.target().data(), request.target().size());
    server_.answer(
        target.substr(0, target.find('?')),
        [self = shared_from_this()](HttpAnswer answer) { self->write(std::move(answer)); });
  }

  void write(HttpAnswer answer) {
    const auto& request = parser_->get();
    response_ = {};
    response_.version(request.version());
    response_.result(answer.status);
    response_.set(http::field::content_type, answer.type);
    response_.keep_alive(request.keep_alive() && server_.sessions_ < kMaxSessions / 2);
    response_.body() = std::move(answer.body);
    response_.prepare_payload();
    if (request.method() == http::verb::head) {
      response_.body().clear();
    }
    stream_.expires_after(kPatience);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        if (!failed && self->response_.keep_alive()) {
                          self->read();
                        }
                      });
  }

  HttpServer& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

HttpServer::HttpServer(asio::io_context& loop) : loop_(loop), acceptor_(loop), again_(loop) {}

base::Status HttpServer::listen(const std::string& address) {
  using base::Error;
  using base::Kind;
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* const end = address.data() + address.size();
  error_code failed;
  const auto ip = asio::ip::make_address(address.substr(0, colon), failed);
  if (colon == std::string::npos || failed ||
      std::from_chars(address.data() + colon + 1, end, port).ptr != end) {
    return Error(Kind::kInvalid,
                 base::concat<200>("'", address.substr(0, 60),
                                   "' is no address to listen on: write it like 127.0.0.1:9464"));
  }
  const tcp::endpoint endpoint(ip, port);
  acceptor_.open(endpoint.protocol(), failed);
  acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  acceptor_.bind(endpoint, failed);
  if (!failed) {
    acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  }
  if (failed) {
    return Error(Kind::kBusy, base::concat<300>("cannot listen on ", address, ": ",
                                                std::string_view(failed.message())));
  }
  log_info("listening",
           {{"address", ip.to_string()}, {"port", acceptor_.local_endpoint(failed).port()}});
  accept();
  return {};
}

void HttpServer::accept() {
  acceptor_.async_accept(loop_, [this](error_code failed, tcp::socket socket) {
    if (!failed && sessions_ < kMaxSessions) {
      std::make_shared<Session>(*this, std::move(socket))->read();
    }
    if (!failed) {
      accept();
    } else if (failed != asio::error::operation_aborted) {  // no descriptor is free
      again_.expires_after(kBreath);
      again_.async_wait([this](error_code cancelled) { cancelled ? void() : accept(); });
    }
  });
}

void HttpServer::on_get(std::string path, Handler handler) {
  handlers_[std::move(path)] = std::move(handler);
}

void HttpServer::on_get_below(std::string path, LateHandler handler) {
  late_handlers_[std::move(path)] = std::move(handler);
}

void HttpServer::answer(std::string_view path, Answer answer) const {
  if (const auto handler = handlers_.find(path); handler != handlers_.end()) {
    answer(handler->second());
    return;
  }
  const std::size_t slash = path.rfind('/');
  const auto late = late_handlers_.find(path.substr(0, slash + 1));
  if (slash == std::string_view::npos || late == late_handlers_.end()) {
    answer({.status = 404, .body = "not found\n"});
    return;
  }
  late->second(std::string(path.substr(slash + 1)), std::move(answer));
}

}  // namespace recap::caplet
