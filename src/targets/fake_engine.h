// SPDX-License-Identifier: Apache-2.0
// For tests: a server at a unix socket that answers paths with what the test says, damaged answers
// included.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <thread>

#include "linux/unique_fd.h"

namespace recap::targets {

class FakeEngine {
 public:
  // `answers`: path → everything the server sends. What is not there is answered with 404.
  // With `cut` an answer comes in two parts, of which the first has `cut` bytes, and then the
  // client has to hang up.
  FakeEngine(const std::string& socket, std::map<std::string, std::string> answers,
             std::size_t cut = 0)
      : answers_(std::move(answers)),
        cut_(cut),
        listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
    ::unlink(socket.c_str());
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_.get(), 8);
    thread_ = std::thread([this] { serve(); });
  }
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;
  ~FakeEngine() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  [[nodiscard]] int requests() const { return requests_; }

  static std::string ok(const std::string& body) {
    return "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body;
  }
  static std::string status(int code, const std::string& message) {
    return "HTTP/1.0 " + std::to_string(code) + " X\r\n\r\n{\"message\":\"" + message + "\"}";
  }
  static std::string docker(const std::string& id, const std::string& name, std::uint32_t pid,
                            const std::string& state = R"("Running":true)",
                            const std::string& runtime = "runc") {
    return ok(R"({"Id":")" + id + R"(","Name":"/)" + name + R"(","State":{)" + state +
              R"(,"Pid":)" + std::to_string(pid) +
              R"(},"Config":{"Image":"lean:1","Labels":{"app":"shop"}},"HostConfig":{"Runtime":")" +
              runtime + R"("}})");
  }

 private:
  void serve() {
    for (;;) {
      const linux::UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.valid()) {
        return;
      }
      ++requests_;
      char request[4096] = {};
      const ssize_t got = ::recv(client.get(), request, sizeof(request) - 1, 0);
      std::string path(request, got > 0 ? static_cast<std::size_t>(got) : 0);
      path = path.substr(4, path.find(' ', 4) - 4);
      const auto answer = answers_.find(path);
      const std::string text =
          answer == answers_.end() ? status(404, "no such container") : answer->second;
      ::send(client.get(), text.data(), cut_ > 0 ? cut_ : text.size(), MSG_NOSIGNAL);
      if (cut_ > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ::send(client.get(), text.data() + cut_, text.size() - cut_, MSG_NOSIGNAL);
        (void)::recv(client.get(), request, sizeof(request), 0);
      }
    }
  }

  std::map<std::string, std::string> answers_;
  std::size_t cut_;
  linux::UniqueFd listener_;
  std::atomic<int> requests_{0};
  std::thread thread_;
};

}  // namespace recap::targets
