// SPDX-License-Identifier: Apache-2.0
#include "kube/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "linux/fs.h"

namespace recap::kube {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Error;
using base::Kind;
using base::Status;
using ErrorCode = boost::system::error_code;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = std::size_t{16} << 10;  // one TLS record

Error network_error(std::string_view what, const ErrorCode& error) {
  Kind kind = Kind::kBusy;
  if (error == boost::beast::error::timeout || error == asio::error::timed_out) {
    kind = Kind::kTimeout;
  } else if (error == asio::error::host_not_found || error == asio::error::no_data) {
    kind = Kind::kNotFound;
  } else if (error == asio::error::operation_aborted) {
    kind = Kind::kGone;
  }
  return {kind, base::concat<256>(what, ": ", error.message()).view()};
}

template <int Level, int Name>
Status set_option(tcp::socket& socket, int value) {
  ErrorCode error;
  socket.set_option(asio::detail::socket_option::integer<Level, Name>(value), error);
  return error ? Status(network_error("cannot set a TCP option", error)) : Status();
}

}  // namespace

Connection::Connection(const Executor& executor, TlsContext tls) : context_(std::move(tls)) {
  if (context_ != nullptr) {
    tls_.emplace(executor, *context_);
  } else {
    plain_.emplace(executor);
  }
}

boost::beast::tcp_stream& Connection::tcp() { return tls_ ? tls_->next_layer() : *plain_; }

Status Connection::harden() {
  tcp::socket& socket = tcp().socket();
  RECAP_TRY(linux::close_on_exec(socket.native_handle()));  // Asio's sockets survive an exec
  RECAP_TRY((set_option<IPPROTO_TCP, TCP_NODELAY>(socket, 1)));
  RECAP_TRY((set_option<SOL_SOCKET, SO_KEEPALIVE>(socket, 1)));
  RECAP_TRY((set_option<IPPROTO_TCP, TCP_KEEPIDLE>(socket, 15)));
  RECAP_TRY((set_option<IPPROTO_TCP, TCP_KEEPINTVL>(socket, 5)));
  RECAP_TRY((set_option<IPPROTO_TCP, TCP_KEEPCNT>(socket, 3)));
  return set_option<IPPROTO_TCP, TCP_USER_TIMEOUT>(socket, 30'000);
}

Task<void> Connection::connect(Peer peer) {
  const auto self = shared_from_this();
  std::vector<tcp::endpoint> endpoints;
  ErrorCode no_address;
  const auto address = asio::ip::make_address(peer.host, no_address);
  if (!no_address) {
    endpoints.emplace_back(address, peer.port);
  } else {
    tcp::resolver resolver(tcp().get_executor());
    const std::string service = std::to_string(peer.port);
    auto [error, found] = co_await resolver.async_resolve(peer.host, service, kTuple);
    if (error) {
      const auto what = base::concat<300>("cannot find the host ", peer.host);
      co_return network_error(what.view(), error);
    }
    for (const auto& entry : found) {
      endpoints.push_back(entry.endpoint());
    }
  }
  Status connected = Error(Kind::kNotFound, "the API server's host has no address");
  for (const tcp::endpoint& endpoint : endpoints) {
    auto attempt = connect_to(endpoint, peer.timeout);
    connected = co_await std::move(attempt);
    if (connected) {
      break;
    }
  }
  if (!connected) {
    const auto what = base::concat<300>("cannot connect to ", peer.host, " port ", peer.port);
    co_return std::move(connected).context(what.view()).error();
  }
  if (tls_) {
    RECAP_AWAIT_OK(handshake(peer.server_name, peer.timeout));
  }
  co_return Status();
}

Task<void> Connection::connect_to(tcp::endpoint endpoint, Millis timeout) {
  ErrorCode error;
  tcp::socket& socket = tcp().socket();
  socket.close(error);
  socket.open(endpoint.protocol(), error);
  if (error) {
    co_return network_error("no socket", error);
  }
  if (Status hard = harden(); !hard) {
    co_return std::move(hard).error();
  }
  tcp().expires_after(timeout);
  auto [failed] = co_await tcp().async_connect(endpoint, kTuple);
  if (failed) {
    co_return network_error("no connection", failed);
  }
  co_return Status();
}

Task<void> Connection::handshake(std::string server_name, Millis timeout) {
  ErrorCode is_name;
  (void)asio::ip::make_address(server_name, is_name);
  if (is_name) {  // SNI carries names only
    SSL_set_tlsext_host_name(tls_->native_handle(), server_name.c_str());
  }
  if ((SSL_get_verify_mode(tls_->native_handle()) & SSL_VERIFY_PEER) != 0) {
    ErrorCode ignored;
    tls_->set_verify_callback(asio::ssl::host_name_verification(server_name), ignored);
  }
  tcp().expires_after(timeout);
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kTuple);
  if (error) {
    const long verdict = SSL_get_verify_result(tls_->native_handle());
    if (verdict != X509_V_OK) {
      co_return Error(
          Kind::kDenied,
          base::concat<400>("the certificate of ", server_name, " is not to be trusted (",
                            X509_verify_cert_error_string(verdict),
                            "): check the cluster's certificate authority and name")
              .view());
    }
    co_return network_error("no TLS with the API server", error);
  }
  co_return Status();
}

Task<std::string_view> Connection::read(Millis timeout) {
  const auto self = shared_from_this();
  buffer_.resize(kReadBytes);
  const asio::mutable_buffer space(buffer_.data(), buffer_.size());
  tcp().expires_after(timeout);
  std::tuple<ErrorCode, std::size_t> got;
  if (tls_) {
    got = co_await tls_->async_read_some(space, kTuple);
  } else {
    got = co_await plain_->async_read_some(space, kTuple);
  }
  const auto [error, size] = got;
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    co_return std::string_view();
  }
  if (error) {
    co_return network_error("the connection to the API server broke", error);
  }
  co_return std::string_view(buffer_.data(), size);
}

Task<void> Connection::write(std::string bytes, Millis timeout) {
  const auto self = shared_from_this();
  const asio::const_buffer all(bytes.data(), bytes.size());
  tcp().expires_after(timeout);
  std::tuple<ErrorCode, std::size_t> sent;
  if (tls_) {
    sent = co_await asio::async_write(*tls_, all, kTuple);
  } else {
    sent = co_await asio::async_write(*plain_, all, kTuple);
  }
  if (std::get<0>(sent)) {
    co_return network_error("the connection to the API server broke", std::get<0>(sent));
  }
  co_return Status();
}

bool Connection::usable() {
  tcp::socket& socket = tcp().socket();
  if (!socket.is_open()) {
    return false;
  }
  char byte = 0;
  const ssize_t size = recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // After a whole answer the server owes us nothing: whatever it sent is its goodbye (or worse).
  return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Connection::close() {
  ErrorCode ignored;
  tcp().expires_never();
  tcp().socket().close(ignored);
}

}  // namespace recap::kube
