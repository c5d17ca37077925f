// SPDX-License-Identifier: Apache-2.0
#include "service/http_server.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <openssl/ssl.h>

#include "service/log.h"

namespace recap::service {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kBreath{1};
constexpr std::uint32_t kMaxHeader = 8192;
constexpr std::uint64_t kMaxBody = 1024;  // where nobody reads it
constexpr std::uint64_t kMaxPost = std::uint64_t{1} << 20;
constexpr int kMaxSessions = 64;

// The handler whose path `path` begins with, and what follows; nullptr: none.
template <typename Handlers>
auto find_below(const Handlers& handlers, std::string_view path) {
  const auto at = std::ranges::find_if(
      handlers, [&](const auto& each) { return path.starts_with(each.first); });
  return std::pair(at == handlers.end() ? nullptr : &at->second,
                   at == handlers.end() ? path : path.substr(at->first.size()));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

HttpPost post_of(http::request<http::string_body>& request) {
  HttpPost post;
  for (const auto& field : request) {
    post.headers[lower(std::string_view(field.name_string()))] = std::string(field.value());
  }
  post.body = std::move(request.body());
  return post;
}

// TLS 1.2 or newer.
base::Result<std::unique_ptr<asio::ssl::context>> read_tls(const TlsFiles& files) {
  try {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    context->use_certificate_chain_file(files.cert);
    context->use_private_key_file(files.key, asio::ssl::context::pem);
    return context;
  } catch (const std::exception& error) {
    return base::Error(
        base::Kind::kInvalid,
        base::concat<400>("cannot use the certificate ", files.cert, " with the key ", files.key,
                          ": ", std::string_view(error.what())));
  }
}

}  // namespace

// One connection. It lives as long as it is read from or written to.
template <typename Stream>
class HttpServer::Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <typename... Tls>
  Session(HttpServer& server, tcp::socket socket, Tls&... tls)
      : server_(server), stream_(std::move(socket), tls...) {
    ++server_.sessions_;
  }
  ~Session() { --server_.sessions_; }

  void start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      lowest().expires_after(kPatience);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code failed) {
                                if (!failed) {
                                  self->read();
                                }
                              });
    } else {
      read();
    }
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(server_.post_handlers_.empty() ? kMaxBody : kMaxPost);
    lowest().expires_after(kPatience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](error_code failed, std::size_t) {
                       if (!failed) {
                         self->answer();
                       }
                     });
  }

  void answer() {
    auto& request = parser_->get();
    const std::string target(request.target());
    const std::string_view path = std::string_view(target).substr(0, target.find('?'));
    HttpServer::Answer answer = [self = this->shared_from_this()](HttpAnswer said) {
      self->write(std::move(said));
    };
    if (request.method() == http::verb::get || request.method() == http::verb::head) {
      server_.answer_get(path, std::move(answer));
    } else if (request.method() == http::verb::post) {
      server_.answer_post(path, post_of(request), std::move(answer));
    } else {
      write({.status = 405, .body = "only GET and POST\n"});
    }
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
    lowest().expires_after(kPatience);
    http::async_write(stream_, response_,
                      [self = this->shared_from_this()](error_code failed, std::size_t) {
                        if (!failed && self->response_.keep_alive()) {
                          self->read();
                        }
                      });
  }

  HttpServer& server_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

HttpServer::HttpServer(asio::io_context& loop) : loop_(loop), acceptor_(loop), again_(loop) {}

base::Status HttpServer::listen(const std::string& address, TlsFiles tls) {
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
  tls_ = std::move(tls);
  if (!tls_.cert.empty()) {
    RECAP_TRY(read_tls(tls_));
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
      begin(std::move(socket));
    }
    if (!failed) {
      accept();
    } else if (failed != asio::error::operation_aborted) {  // no descriptor is free
      again_.expires_after(kBreath);
      again_.async_wait([this](error_code cancelled) { cancelled ? void() : accept(); });
    }
  });
}

// The certificate is read for each connection, so that a renewed one is used at once.
void HttpServer::begin(tcp::socket socket) {
  if (tls_.cert.empty()) {
    std::make_shared<Session<beast::tcp_stream>>(*this, std::move(socket))->start();
    return;
  }
  auto tls = read_tls(tls_);
  if (!tls) {
    log_error("a connection is refused", {{"why", tls.error().message()}});
    return;
  }
  std::make_shared<Session<TlsStream>>(*this, std::move(socket), **tls)->start();
}

void HttpServer::on_get(std::string path, Handler handler) {
  handlers_[std::move(path)] = std::move(handler);
}

void HttpServer::on_get_below(std::string path, LateHandler handler) {
  late_handlers_[std::move(path)] = std::move(handler);
}

void HttpServer::on_post_below(std::string path, PostHandler handler) {
  post_handlers_[std::move(path)] = std::move(handler);
}

void HttpServer::answer_get(std::string_view path, Answer answer) const {
  if (const auto handler = handlers_.find(path); handler != handlers_.end()) {
    answer(handler->second());
    return;
  }
  const auto [handler, rest] = find_below(late_handlers_, path);
  if (handler == nullptr) {
    answer({.status = 404, .body = "not found\n"});
    return;
  }
  (*handler)(std::string(rest), std::move(answer));
}

void HttpServer::answer_post(std::string_view path, HttpPost post, Answer answer) const {
  const auto [handler, rest] = find_below(post_handlers_, path);
  if (handler == nullptr) {
    const bool is_known = handlers_.contains(path);
    answer({.status = is_known ? 405U : 404U, .body = is_known ? "only GET\n" : "not found\n"});
    return;
  }
  post.rest = rest;
  (*handler)(std::move(post), std::move(answer));
}

}  // namespace recap::service
