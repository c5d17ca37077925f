// SPDX-License-Identifier: Apache-2.0
// Unix sockets of type SOCK_SEQPACKET, descriptors over them, and poll. No call allocates or locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

struct SocketPair {
  UniqueFd a, b;
};
Result<SocketPair> make_socket_pair();

// Binds and listens at `name` in the directory `dir` (through /proc/self/fd, for sun_path is
// short).
Result<UniqueFd> listen_at(int dir, const char* name);
Result<UniqueFd> connect_at(int dir, const char* name);
Result<UniqueFd> accept(int listener);
Result<std::uint32_t> peer_uid(int socket);  // SO_PEERCRED

// One datagram, with up to 4 descriptors. Never raises SIGPIPE. Waits unless `dont_wait`.
Status send(int socket, std::span<const std::byte> data, std::span<const int> fds = {},
            bool dont_wait = false);
// Size of the datagram; 0 at end of file. Descriptors that came with it go into `fds`
// (close-on-exec; those that do not fit are closed). kCorrupt when it is longer than `data`,
// kExhausted when there was no number for a descriptor; then none is given.
Result<std::size_t> receive(int socket, std::span<std::byte> data, std::span<UniqueFd> fds = {},
                            bool dont_wait = false);

struct PollFd {  // the kernel's struct pollfd
  int fd = -1;   // negative: not watched
  std::int16_t events = 0;
  std::int16_t revents = 0;
};
inline constexpr std::int16_t kPollIn = 0x001;
inline constexpr std::int16_t kPollPri = 0x002;
inline constexpr std::int16_t kPollOut = 0x004;
inline constexpr std::int16_t kPollErr = 0x008;
inline constexpr std::int16_t kPollHup = 0x010;

// Number of ready descriptors; 0 when `timeout_ms` (negative: none) passed. Restarted on EINTR.
Result<int> poll(std::span<PollFd> fds, std::int64_t timeout_ms);

}  // namespace recap::linux
