// SPDX-License-Identifier: Apache-2.0
#include "kube/credentials.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kube/bytes.h"
#include "kube/child_process.h"
#include "kube/exec_credential.h"

namespace recap::kube {

namespace asio = boost::asio;
using base::Error;
using base::Kind;
using base::Status;

namespace {

constexpr auto kReadAgain = std::chrono::seconds(60);
constexpr auto kRunAgain = std::chrono::seconds(5);  // a plugin that failed
constexpr auto kNever = std::chrono::hours(24 * 365);

// Ten seconds before it expires, for a request takes time.
Clock::time_point fresh_until(const ExecAnswer& answer) {
  if (!answer.expires_ns) {
    return Clock::now() + kNever;
  }
  const std::chrono::system_clock::time_point expires{
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(*answer.expires_ns))};
  const auto left = expires - std::chrono::system_clock::now() - std::chrono::seconds(10);
  return Clock::now() + std::clamp<std::chrono::nanoseconds>(left, kRunAgain, kNever);
}

}  // namespace

Credentials::Credentials(const Config& config) : config_(config) {
  credential_.cert_pem = config.client_cert_pem;
  credential_.key_pem = config.client_key_pem;
}

Task<Credential> Credentials::current() {
  const auto self = shared_from_this();
  while (renewing_ != nullptr) {
    const auto timer = renewing_;
    (void)co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (Clock::now() >= fresh_until_) {
    const auto executor = co_await asio::this_coro::executor;
    const auto forever = Clock::time_point::max();
    renewing_ = std::make_shared<asio::steady_timer>(executor, forever);
    auto renewal = renew();
    const Status renewed = co_await std::move(renewal);
    std::exchange(renewing_, nullptr)->cancel();
    if (!renewed && !have_) {
      co_return renewed.error();
    }
  }
  co_return credential_;
}

Task<void> Credentials::renew() {
  if (const auto* file = std::get_if<TokenFile>(&config_.credential)) {
    co_return read(file->path);
  }
  if (const auto* plugin = std::get_if<ExecPlugin>(&config_.credential)) {
    RECAP_AWAIT_OK(run(*plugin));
    co_return Status();
  }
  if (const auto* fixed = std::get_if<StaticToken>(&config_.credential)) {
    credential_.token = fixed->token;
  }
  have_ = true;
  fresh_until_ = Clock::now() + kNever;
  co_return Status();
}

Status Credentials::read(const std::string& path) {
  fresh_until_ = Clock::now() + kReadAgain;
  std::string token = RECAP_TRY(read_small_file(path).context("cannot read the token"));
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty()) {
    return Error(Kind::kInvalid, base::concat<300>("the token file ", path, " is empty").view());
  }
  credential_.token = std::move(token);
  have_ = true;
  return {};
}

Task<void> Credentials::run(ExecPlugin plugin) {
  fresh_until_ = Clock::now() + kRunAgain;
  Program program{.command = plugin.command, .args = plugin.args, .env = plugin.env};
  program.env.emplace_back("KUBERNETES_EXEC_INFO", exec_info(plugin, config_));
  auto running = run_program(std::move(program));
  base::Result<std::string> output = co_await std::move(running);
  if (!output) {
    const std::string hint =
        plugin.install_hint.empty()
            ? "the credential plugin failed"
            : "the credential plugin failed (" + plugin.install_hint.substr(0, 200) + ")";
    co_return std::move(output).context(hint).error();
  }
  RECAP_CO_TRY(ExecAnswer answer, parse_exec_credential(*output));
  fresh_until_ = fresh_until(answer);
  credential_ = {std::move(answer.token), std::move(answer.cert_pem), std::move(answer.key_pem)};
  have_ = true;
  co_return Status();
}

}  // namespace recap::kube
