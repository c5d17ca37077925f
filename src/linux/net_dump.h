// SPDX-License-Identifier: Apache-2.0
// Asking a network namespace what it holds: netlink(7) in its dumping form, of rtnetlink(7) and
// sock_diag(7). A socket stays in the namespace that it was made in. No call allocates or locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "base/fixed_string.h"
#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::linux {

using base::Result;
using base::Status;

// NETLINK_… of socket(2).
inline constexpr int kNetlinkRoute = 0;
inline constexpr int kNetlinkSockDiag = 4;

// In the network namespace of the process `pidfd`, where the calling process goes for a moment.
Result<UniqueFd> open_netlink_in(int pidfd, int protocol);

// One message of the request, without its nlmsghdr.
struct NetRequest {
  std::uint16_t type = 0;
  std::span<const std::byte> body;
};

// Calls `visit(body)` for each message of the answer. kBusy when the table changed meanwhile, so
// that what was visited may be no state that ever was; kTimeout after `deadline_ns` (monotonic_ns).
using VisitMessage = void (*)(void* context, std::span<const std::byte> body);
Status dump_net(int netlink, const NetRequest& request, std::uint64_t deadline_ns, void* context,
                VisitMessage visit);

template <typename F>
Status dump_net(int netlink, const NetRequest& request, std::uint64_t deadline_ns, F&& visit) {
  return dump_net(netlink, request, deadline_ns, &visit,
                  [](void* context, std::span<const std::byte> body) {
                    (*static_cast<std::remove_reference_t<F>*>(context))(body);
                  });
}

// One request that is answered with success or an error.
Status ask_net(int netlink, const NetRequest& request);

// The fixed part of a message, cut off the front of `rest`; zeroes where the message is shorter.
template <typename T>
T cut_header(std::span<const std::byte>& rest) {
  constexpr std::size_t kAlignment = 4;  // NLMSG_ALIGNTO
  T header{};
  std::memcpy(&header, rest.data(), std::min(sizeof header, rest.size()));
  const std::size_t padded = (sizeof header + kAlignment - 1) & ~(kAlignment - 1);
  rest = rest.subspan(std::min(padded, rest.size()));
  return header;
}

struct NetAttribute {
  std::uint16_t type = 0;  // 0: there is none left
  std::span<const std::byte> value;
};
NetAttribute cut_attribute(std::span<const std::byte>& rest);

// As the kernel names the interface of that number in the socket's namespace; empty for none.
base::FixedString<15> interface_name(int socket, std::uint32_t index);

}  // namespace recap::linux
