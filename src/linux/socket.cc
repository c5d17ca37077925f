// SPDX-License-Identifier: Apache-2.0
#include "linux/socket.h"

#include <asm/unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/fixed_string.h"
#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

constexpr std::size_t kMaxFds = 4;

// Takes all that came, so that none stays open that nobody knows of.
void take_descriptors(const msghdr& message, std::span<UniqueFd> fds) {
  const auto* header = static_cast<const cmsghdr*>(message.msg_control);
  if (message.msg_controllen < sizeof *header || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_RIGHTS) {
    return;
  }
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < std::min(count, fds.size()); ++i) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
    fds[i].reset(number);
  }
}

Result<UniqueFd> open_socket() {
  const long ret = sys(__NR_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (ret < 0) {
    return failed("create", "socket", static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Result<sockaddr_un> address_in(int dir, const char* name) {
  const auto path =
      base::concat<sizeof(sockaddr_un::sun_path) - 1>("/proc/self/fd/", dir, "/", name);
  if (path.truncated()) {
    return base::Error(base::Kind::kInvalid, "the name of the control socket is too long");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(&address.sun_path[0], path.c_str(), path.size());
  return address;
}

}  // namespace

Result<SocketPair> make_socket_pair() {
  int ends[2] = {-1, -1};
  const long ret = sys(__NR_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, &ends[0]);
  if (ret < 0) {
    return failed("create", "socket pair", static_cast<int>(-ret));
  }
  return SocketPair{.a = UniqueFd(ends[0]), .b = UniqueFd(ends[1])};
}

Result<UniqueFd> listen_at(int dir, const char* name) {
  const sockaddr_un address = RECAP_TRY(address_in(dir, name));
  UniqueFd socket = RECAP_TRY(open_socket());
  RECAP_TRY(status_of(sys(__NR_bind, socket.get(), &address, sizeof address), "bind", name));
  RECAP_TRY(status_of(sys(__NR_listen, socket.get(), 16), "listen on", name));
  return socket;
}

Result<UniqueFd> connect_at(int dir, const char* name) {
  const sockaddr_un address = RECAP_TRY(address_in(dir, name));
  UniqueFd socket = RECAP_TRY(open_socket());
  RECAP_TRY(
      status_of(sys(__NR_connect, socket.get(), &address, sizeof address), "connect to", name));
  return socket;
}

Result<UniqueFd> accept(int listener) {
  const long ret = sys(__NR_accept4, listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (ret < 0) {
    return failed("accept", "connection", static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Result<std::uint32_t> peer_uid(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  RECAP_TRY(status_of(sys(__NR_getsockopt, socket, SOL_SOCKET, SO_PEERCRED, &peer, &size),
                      "identify", "peer"));
  return peer.uid;
}

Status send(int socket, std::span<const std::byte> data, std::span<const int> fds, bool dont_wait) {
  iovec part{.iov_base = const_cast<std::byte*>(data.data()), .iov_len = data.size()};  // NOLINT
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    auto* header = reinterpret_cast<cmsghdr*>(&control[0]);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    message.msg_control = &control[0];
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  }
  const int flags = MSG_NOSIGNAL | (dont_wait ? MSG_DONTWAIT : 0);
  return status_of(sys(__NR_sendmsg, socket, &message, flags), "send", "message");
}

Result<std::size_t> receive(int socket, std::span<std::byte> data, std::span<UniqueFd> fds,
                            bool dont_wait) {
  iovec part{.iov_base = data.data(), .iov_len = data.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control[0];
  message.msg_controllen = sizeof control;
  const int flags = MSG_CMSG_CLOEXEC | (dont_wait ? MSG_DONTWAIT : 0);
  long ret = 0;
  do {
    ret = sys(__NR_recvmsg, socket, &message, flags);
  } while (ret == -EINTR);
  if (ret < 0) {
    return failed("receive", "message", static_cast<int>(-ret));
  }
  std::array<UniqueFd, kMaxFds> got;
  take_descriptors(message, got);
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return base::Error(base::Kind::kCorrupt, "a message is longer than it may be");
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return base::Error(base::Kind::kExhausted,
                       "a message came without its descriptors: too many open files");
  }
  std::move(got.begin(), got.begin() + std::min(fds.size(), got.size()), fds.begin());
  return static_cast<std::size_t>(ret);
}

Result<int> poll(std::span<PollFd> fds, std::int64_t timeout_ms) {
  timespec timeout{.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1'000'000};
  long ret = 0;
  do {  // ppoll writes the time left back into `timeout`, so a restart does not wait longer
    ret = sys(__NR_ppoll, fds.data(), fds.size(), timeout_ms < 0 ? nullptr : &timeout, nullptr, 8);
  } while (ret == -EINTR);
  if (ret == -EINVAL) {  // more entries than there may be descriptors
    return failed("poll", "descriptors", EMFILE);
  }
  if (ret < 0) {
    return failed("poll", "descriptors", static_cast<int>(-ret));
  }
  return static_cast<int>(ret);
}

}  // namespace recap::linux
