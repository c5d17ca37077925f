// SPDX-License-Identifier: Apache-2.0
#include "caplet/scrape.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <span>
#include <string>
#include <thread>

#include "linux/error.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "targets/http.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr time_t kPatienceS = 5;  // for each step
constexpr std::size_t kMaxAnswer = std::size_t{8} << 20;

Result<linux::UniqueFd> make_socket() {
  linux::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) {
    return linux::failed("make", "a socket", errno);
  }
  const timeval patience{.tv_sec = kPatienceS, .tv_usec = 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    (void)::setsockopt(socket.get(), SOL_SOCKET, option, &patience, sizeof patience);
  }
  return socket;
}

// A socket stays in the namespace that it was made in.
Result<linux::UniqueFd> socket_in(const targets::Target& target, const targets::Roots& roots) {
  const targets::Pinned pinned = RECAP_TRY(targets::pin(target, roots));
  Result<linux::UniqueFd> made = Error(Kind::kInternal, "no socket was made");
  std::thread([&made, pidfd = pinned.pidfd.get()] {
    const base::Status joined = linux::join(pidfd, linux::Ns::kNet);
    made = joined ? make_socket() : Result<linux::UniqueFd>(joined.error());
  }).join();
  return made;
}

Result<std::string> fetch(int socket, const kube::ScrapeSpec& spec) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(spec.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return linux::failed("connect to", "the exporter", errno);
  }
  RECAP_TRY(linux::write_text(socket, "GET " + spec.path +
                                          " HTTP/1.0\r\nHost: localhost\r\nAccept: text/plain\r\n"
                                          "Connection: close\r\n\r\n"));
  std::string whole;
  std::array<char, 16384> buffer;
  while (whole.size() < kMaxAnswer) {
    const std::size_t size =
        RECAP_TRY(linux::read_some(socket, std::as_writable_bytes(std::span(buffer))));
    if (size == 0) {
      return whole;
    }
    whole.append(buffer.data(), size);
  }
  return Error(Kind::kExhausted, "the exporter's answer is larger than 8 MiB");
}

Result<HttpAnswer> try_scrape(const targets::Target& target, const targets::Roots& roots,
                              const kube::ScrapeSpec& spec) {
  const linux::UniqueFd socket = RECAP_TRY(socket_in(target, roots));
  targets::HttpAnswer answer =
      RECAP_TRY(targets::parse_answer(RECAP_TRY(fetch(socket.get(), spec))));
  return HttpAnswer{.status = static_cast<unsigned>(answer.status),
                    .type = "text/plain; version=0.0.4; charset=utf-8",
                    .body = std::move(answer.body)};
}

}  // namespace

HttpAnswer scrape(const targets::Target& target, const targets::Roots& roots,
                  const kube::ScrapeSpec& spec) {
  auto answer = try_scrape(target, roots, spec);
  if (answer) {
    return *std::move(answer);
  }
  return {.status = 502, .body = std::string(answer.error().message()) + "\n"};
}

}  // namespace recap::caplet
