// SPDX-License-Identifier: Apache-2.0
// The connections of a Transport, and what a request on them has to carry.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "kube/bytes.h"
#include "kube/transport.h"
#include "linux/fs.h"

namespace recap::kube {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kMaxIdle = 4;
constexpr auto kMaxIdleTime = std::chrono::seconds(60);  // the API server's is 90 s

bool is_loopback(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

std::string host_header(const Config& config) {
  const bool v6 = config.host.find(':') != std::string::npos;
  return (v6 ? "[" + config.host + "]" : config.host) + ":" + std::to_string(config.port);
}

// When a file changed, in nanoseconds; 0 when there is none.
std::int64_t changed_ns(const std::string& path) {
  const auto stat = linux::stat_at(linux::kCwd, path.c_str(), 0);
  return stat ? stat->stx_mtime.tv_sec * 1'000'000'000 + stat->stx_mtime.tv_nsec : 0;
}

}  // namespace

Result<std::string> Transport::compose(const HttpRequest& request,
                                       const Credential& credential) const {
  std::vector<std::pair<std::string, std::string>> headers{{"User-Agent", options_.user_agent}};
  if (!credential.token.empty()) {
    if (!config_.tls && !is_loopback(config_.host)) {
      return Error(Kind::kDenied, "a token is not sent without TLS: use an https:// server");
    }
    headers.emplace_back("Authorization", "Bearer " + credential.token);
  }
  if (!config_.impersonate_user.empty()) {
    headers.emplace_back("Impersonate-User", config_.impersonate_user);
  }
  for (const std::string& group : config_.impersonate_groups) {
    headers.emplace_back("Impersonate-Group", group);
  }
  HttpRequest whole = request;
  whole.target = config_.base_path + request.target;
  return write_request(whole, host_header(config_), headers);
}

// A new CA or a new client certificate is for new connections.
Status Transport::refresh_tls(const Credential& credential) {
  if (!config_.tls) {
    return {};
  }
  TlsMaterial material{.ca_pem = tls_ == nullptr ? config_.ca_pem : tls_material_.ca_pem,
                       .cert_pem = credential.cert_pem,
                       .key_pem = credential.key_pem,
                       .insecure_skip_verify = config_.insecure_skip_tls_verify};
  if (!config_.ca_file.empty()) {
    const std::int64_t changed = changed_ns(config_.ca_file);
    if (changed != ca_changed_ns_) {
      if (auto text = read_small_file(config_.ca_file); text && !text->empty()) {
        material.ca_pem = std::move(*text);
        ca_changed_ns_ = changed;
      }
    }
  }
  if (tls_ != nullptr && material == tls_material_) {
    return {};
  }
  TlsContext made = RECAP_TRY(make_tls_context(material));
  tls_ = std::move(made);
  tls_material_ = std::move(material);
  idle_.clear();
  return {};
}

std::shared_ptr<Connection> Transport::take_idle() {
  while (!idle_.empty()) {
    const Idle last = std::move(idle_.back());
    idle_.pop_back();
    if (Clock::now() - last.since < kMaxIdleTime && last.connection->usable()) {
      return last.connection;
    }
  }
  return nullptr;
}

void Transport::give_back(const Exchange& exchange) {
  if (!closed_ && exchange.reader_.keep_alive() && idle_.size() < kMaxIdle) {
    idle_.push_back({exchange.connection_, Clock::now()});
  }
}

Task<std::shared_ptr<Connection>> Transport::connect() {
  if (closed_) {
    co_return closed();
  }
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  auto connection = std::make_shared<Connection>(executor_, config_.tls ? tls_ : nullptr);
  connections_.push_back(connection);
  ++counters_.connections;
  Peer peer{.host = config_.host,
            .port = config_.port,
            .server_name = config_.tls_server_name.empty() ? config_.host : config_.tls_server_name,
            .timeout = options_.connect_timeout};
  RECAP_AWAIT_OK(connection->connect(std::move(peer)));
  co_return connection;
}

}  // namespace recap::kube
