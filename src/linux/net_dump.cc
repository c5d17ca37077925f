// SPDX-License-Identifier: Apache-2.0
#include "linux/net_dump.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "linux/error.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

using base::Error;
using base::Kind;

constexpr std::size_t kMaxRequest = 128;

std::size_t aligned(std::size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

Status send_request(int netlink, const NetRequest& request, unsigned flags) {
  alignas(nlmsghdr) std::array<std::byte, sizeof(nlmsghdr) + kMaxRequest> message{};
  const nlmsghdr header{
      .nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + request.body.size()),
      .nlmsg_type = request.type,
      .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
      .nlmsg_seq = 0,
      .nlmsg_pid = 0};
  std::memcpy(message.data(), &header, sizeof header);
  std::ranges::copy(request.body, message.begin() + sizeof header);
  const long ret = sys(__NR_sendto, netlink, message.data(), header.nlmsg_len, 0, nullptr, 0);
  return status_of(ret < 0 ? ret : 0, "ask", "the network namespace");
}

Result<std::span<const std::byte>> receive_some(int netlink, std::span<std::byte> buffer) {
  long ret = 0;
  do {
    ret = sys(__NR_recvfrom, netlink, buffer.data(), buffer.size(), MSG_TRUNC, nullptr, nullptr);
  } while (ret == -EINTR);
  if (ret < 0) {
    return failed("hear from", "the network namespace", static_cast<int>(-ret));
  }
  if (static_cast<std::size_t>(ret) > buffer.size()) {
    return Error(Kind::kExhausted, "an answer of the network namespace is too long");
  }
  return std::span<const std::byte>(buffer).first(static_cast<std::size_t>(ret));
}

// What NLMSG_ERROR says; NLMSG_DONE has the same beginning.
Status status_in(std::span<const std::byte> body) {
  const int error = cut_header<int>(body);
  return status_of(error < 0 ? error : 0, "ask", "the network namespace");
}

// One datagram of the answer; true when it was the last.
Result<bool> visit_messages(std::span<const std::byte> datagram, bool& changed, void* context,
                            VisitMessage visit) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) {
      return Error(Kind::kCorrupt, "an answer of the network namespace is cut off");
    }
    const auto body = datagram.subspan(sizeof header, header.nlmsg_len - sizeof header);
    datagram = datagram.subspan(std::min(aligned(header.nlmsg_len), datagram.size()));
    changed = changed || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) {
      RECAP_TRY(status_in(body));
      return true;
    }
    visit(context, body);
  }
  return false;
}

}  // namespace

Result<UniqueFd> open_netlink_in(int pidfd, int protocol) {
  const UniqueFd own = RECAP_TRY(open_at(kCwd, "/proc/self/ns/net", O_RDONLY));
  RECAP_TRY(join(pidfd, Ns::kNet));
  const long ret = sys(__NR_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  RECAP_TRY(join(own.get(), Ns::kNet));
  if (ret < 0) {
    return failed("create", "netlink socket", static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Status dump_net(int netlink, const NetRequest& request, std::uint64_t deadline_ns, void* context,
                VisitMessage visit) {
  static std::array<std::byte, 32768> buffer;  // what the kernel fills at most at once
  RECAP_TRY(send_request(netlink, request, NLM_F_DUMP));
  bool changed = false;
  while (true) {
    const auto datagram = RECAP_TRY(receive_some(netlink, buffer));
    if (RECAP_TRY(visit_messages(datagram, changed, context, visit))) {
      return changed ? Status(Error(Kind::kBusy, "the network changes too fast")) : Status{};
    }
    if (monotonic_ns() > deadline_ns) {
      return Error(Kind::kTimeout, "reading the network takes too long");
    }
  }
}

Status ask_net(int netlink, const NetRequest& request) {
  std::array<std::byte, 1024> buffer;
  RECAP_TRY(send_request(netlink, request, NLM_F_ACK));
  bool changed = false;
  const bool is_answered =
      RECAP_TRY(visit_messages(RECAP_TRY(receive_some(netlink, buffer)), changed, nullptr,
                               [](void*, std::span<const std::byte>) {}));
  return is_answered ? Status{}
                     : Status(Error(Kind::kCorrupt, "the network namespace does not answer"));
}

NetAttribute cut_attribute(std::span<const std::byte>& rest) {
  nlattr header{};
  if (rest.size() < sizeof header) {
    return {};
  }
  std::memcpy(&header, rest.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > rest.size()) {
    return {};
  }
  const NetAttribute attribute{
      .type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
      .value = rest.subspan(sizeof header, header.nla_len - sizeof header)};
  rest = rest.subspan(std::min(aligned(header.nla_len), rest.size()));
  return attribute;
}

base::FixedString<15> interface_name(int socket, std::uint32_t index) {
  ifreq request{};
  request.ifr_ifindex = static_cast<int>(index);
  if (sys(__NR_ioctl, socket, SIOCGIFNAME, &request) < 0) {
    return {};
  }
  request.ifr_name[IFNAMSIZ - 1] = '\0';
  return {std::string_view(&request.ifr_name[0])};
}

}  // namespace recap::linux
