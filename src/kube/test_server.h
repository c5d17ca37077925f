// SPDX-License-Identifier: Apache-2.0
// An HTTP server on loopback that misbehaves as told, for tests: it stands for the network and for
// a server in trouble, not for an API server's logic (tests/cluster has real ones).
//
//   TestServer server(io, [](const Received& request) { return Script{send("HTTP/1.1 200 OK…")};
//   });
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "kube/client.h"
#include "kube/task.h"

namespace recap::kube::test {

struct Received {
  std::string method, target, headers, body;
  [[nodiscard]] bool has(std::string_view text) const {
    return target.find(text) != std::string::npos;
  }
};

struct Send {
  std::string bytes;
  std::size_t piece = 0;  // 0: in one go; else so many bytes a packet
};
struct Pause {
  std::chrono::milliseconds time;
};
struct Hang {};   // says nothing more
struct Reset {};  // RST
struct Close {};  // FIN
using Step = std::variant<Send, Pause, Hang, Reset, Close>;
using Script = std::vector<Step>;

inline Step reply(int code, const std::string& body, const std::string& headers = "") {
  return Send{"HTTP/1.1 " + std::to_string(code) + " X\r\n" + headers +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

inline Step status(int code, const std::string& reason, const std::string& headers = "") {
  return reply(code,
               R"({"kind":"Status","reason":")" + reason + R"(","message":"test","code":)" +
                   std::to_string(code) + "}",
               headers);
}

// The header of a stream, then chunks.
inline Step stream_header() {
  return Send{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
}
inline std::string chunk_text(const std::string& bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}
inline Step chunk(const std::string& bytes, std::size_t piece = 0) {
  return Send{chunk_text(bytes), piece};
}
inline Step last_chunk() { return Send{"0\r\n\r\n"}; }

class TestServer {
 public:
  using Handler = std::function<Script(const Received&)>;

  TestServer(boost::asio::io_context& io, Handler handler)
      : core_(std::make_shared<Core>(io, std::move(handler))) {
    spawn(io.get_executor(), accept(core_));
  }
  TestServer(const TestServer&) = delete;
  ~TestServer() {
    core_->handler = {};
    stop_listening();
  }

  [[nodiscard]] Config config() const {
    Config config;
    config.host = "127.0.0.1";
    config.port = core_->acceptor.local_endpoint().port();
    config.tls = false;
    return config;
  }
  [[nodiscard]] const std::vector<Received>& received() const { return core_->received; }
  [[nodiscard]] int connections() const { return core_->connections; }
  void stop_listening() {
    boost::system::error_code ignored;
    core_->acceptor.close(ignored);
  }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  static constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

  // Outlives the server: its coroutines end when the loop runs next.
  struct Core {
    Core(boost::asio::io_context& io_, Handler handler_)
        : io(io_),
          acceptor(io, {boost::asio::ip::address_v4::loopback(), 0}),
          handler(std::move(handler_)) {}
    boost::asio::io_context& io;
    boost::asio::ip::tcp::acceptor acceptor;
    Handler handler;
    std::vector<Received> received;
    int connections = 0;
  };
  using Shared = std::shared_ptr<Core>;

  static boost::asio::awaitable<void> accept(Shared core) {
    while (core->acceptor.is_open()) {
      auto [error, socket] = co_await core->acceptor.async_accept(kTuple);
      if (!error) {
        ++core->connections;
        spawn(core->io.get_executor(), serve(core, std::move(socket)));
      }
    }
  }

  static boost::asio::awaitable<void> serve(Shared core, Socket socket) {
    const auto owned = std::make_shared<Socket>(std::move(socket));
    std::string buffer;
    bool open = true;
    while (open) {
      auto reading = read_request(owned, &buffer);
      std::optional<Received> request = co_await std::move(reading);
      if (!request || !core->handler) {
        co_return;
      }
      core->received.push_back(*request);
      const Script script = core->handler(*request);
      for (const Step& step : script) {
        auto playing = play(owned, step);
        open = co_await std::move(playing);
        if (!open) {
          break;
        }
      }
    }
  }

  static boost::asio::awaitable<std::optional<Received>> read_request(
      std::shared_ptr<Socket> socket, std::string* buffer) {
    auto dynamic = boost::asio::dynamic_buffer(*buffer);
    const std::string end = "\r\n\r\n";
    auto [error, size] = co_await boost::asio::async_read_until(*socket, dynamic, end, kTuple);
    if (error) {
      co_return std::nullopt;
    }
    Received request = parse(buffer->substr(0, size));
    buffer->erase(0, size);
    const std::size_t length = content_length(request.headers);
    while (buffer->size() < length) {
      std::string more(length - buffer->size(), '\0');
      const auto space = boost::asio::buffer(more);
      auto [failed, got] = co_await socket->async_read_some(space, kTuple);
      if (failed) {
        co_return std::nullopt;
      }
      *buffer += more.substr(0, got);
    }
    request.body = buffer->substr(0, length);
    buffer->erase(0, length);
    co_return request;
  }

  // Whether the connection goes on.
  static boost::asio::awaitable<bool> play(std::shared_ptr<Socket> socket, Step step) {
    boost::system::error_code ignored;
    boost::asio::steady_timer timer(socket->get_executor());
    if (const auto* send = std::get_if<Send>(&step)) {
      const std::size_t piece = send->piece == 0 ? send->bytes.size() : send->piece;
      socket->set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      for (std::size_t at = 0; at < send->bytes.size(); at += piece) {
        const auto part =
            boost::asio::buffer(send->bytes.data() + at, std::min(piece, send->bytes.size() - at));
        auto [error, size] = co_await boost::asio::async_write(*socket, part, kTuple);
        if (error) {
          co_return false;
        }
      }
      co_return true;
    }
    if (const auto* pause = std::get_if<Pause>(&step)) {
      timer.expires_after(pause->time);
      (void)co_await timer.async_wait(kTuple);
      co_return true;
    }
    if (std::holds_alternative<Hang>(step)) {
      timer.expires_after(std::chrono::hours(1));
      (void)co_await timer.async_wait(kTuple);
    }
    if (std::holds_alternative<Reset>(step)) {
      socket->set_option(boost::asio::socket_base::linger(true, 0), ignored);
    }
    socket->close(ignored);
    co_return false;
  }

  static Received parse(const std::string& head) {
    Received out;
    const std::size_t first = head.find(' ');
    const std::size_t second = head.find(' ', first + 1);
    out.method = head.substr(0, first);
    out.target = head.substr(first + 1, second - first - 1);
    out.headers = head.substr(head.find("\r\n") + 2);
    return out;
  }
  static std::size_t content_length(const std::string& headers) {
    const std::size_t at = headers.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(headers.substr(at + 16));
  }

  Shared core_;
};

// Runs the loop until `task` is done.
template <typename T>
base::Result<T> run(boost::asio::io_context& io, Task<T> task) {
  base::Result<T> out = base::Error(base::Kind::kInternal, "the task did not end");
  bool done = false;
  spawn<T>(io.get_executor(), std::move(task), [&out, &done](base::Result<T> result) {
    out = std::move(result);
    done = true;
  });
  io.restart();
  while (!done && io.run_one_for(std::chrono::seconds(20)) != 0) {
  }
  return out;
}

// Runs the loop until `enough()`, at most `limit`; whether it was.
template <typename F>
bool run_until(boost::asio::io_context& io, F&& enough,
               std::chrono::milliseconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (!enough() && std::chrono::steady_clock::now() < end) {
    io.run_one_until(
        std::min(end, std::chrono::steady_clock::now() + std::chrono::milliseconds(50)));
  }
  return enough();
}

}  // namespace recap::kube::test
