// SPDX-License-Identifier: Apache-2.0
// One TCP connection, with TLS or without. Every operation has its time, after which the connection
// is closed. A peer that is gone is noticed within 30 s even while nothing is sent (keep-alive),
// and while something is (TCP_USER_TIMEOUT).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "kube/pace.h"
#include "kube/task.h"
#include "kube/tls.h"

namespace recap::kube {

struct Peer {
  std::string host;  // name or address
  std::uint16_t port = 443;
  std::string server_name;  // what its certificate has to name
  Millis timeout{10'000};   // for TCP, and again for TLS
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(const Executor& executor, TlsContext tls);

  // kNotFound: no such host; kBusy: refused, unreachable; kTimeout; kDenied: the certificate.
  Task<void> connect(Peer peer);

  // At least one byte into the connection's buffer, or an empty view at the end of the stream. The
  // bytes are there until the next read.
  Task<std::string_view> read(Millis timeout);
  Task<void> write(std::string bytes, Millis timeout);

  // An idle connection on which the server said nothing, not even goodbye.
  [[nodiscard]] bool usable();
  void close();

 private:
  Task<void> connect_to(boost::asio::ip::tcp::endpoint endpoint, Millis timeout);
  Task<void> handshake(std::string server_name, Millis timeout);
  base::Status harden();

  boost::beast::tcp_stream& tcp();

  TlsContext context_;  // before the stream that uses it
  std::optional<boost::beast::tcp_stream> plain_;
  std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream>> tls_;
  std::vector<char> buffer_;
};

}  // namespace recap::kube
