// SPDX-License-Identifier: Apache-2.0
#include "engine/network_objects.h"

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "base/fixed_string.h"
#include "engine/hash.h"
#include "engine/network_names.h"
#include "linux/net_dump.h"

namespace recap::engine {

namespace {

using Body = std::span<const std::byte>;
using Name = base::FixedString<160>;

struct Visitor {
  int socket;
  void* context;
  VisitObject visit;

  void operator()(const Hash& identity, const Name& name) const {
    visit(context, Hash(identity).add(name.view()).value(), name.view());
  }
  [[nodiscard]] Name on_interface(std::uint32_t index) const {
    const auto name = linux::interface_name(socket, index);
    return name.empty() ? Name() : base::concat<160>(" dev ", name.view());
  }
};

std::uint32_t number_in(Body value) {
  std::uint32_t number = 0;
  std::memcpy(&number, value.data(), std::min(sizeof number, value.size()));
  return number;
}

std::string_view text_in(Body value) {
  const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  return text.substr(0, text.find('\0'));
}

// Calls `visit(type, value)` for each attribute.
template <typename F>
void each_attribute(Body rest, F&& visit) {
  for (auto found = linux::cut_attribute(rest); found.type != 0;
       found = linux::cut_attribute(rest)) {
    visit(found.type, found.value);
  }
}

// Each setting by itself, so that what is named is what was changed. Whether the interface runs is
// the other end's doing.
void visit_link(Body body, const Visitor& visit) {
  const auto link = linux::cut_header<ifinfomsg>(body);
  const auto name = linux::interface_name(visit.socket, static_cast<std::uint32_t>(link.ifi_index));
  const auto tell = [&](std::string_view setting, std::string_view value) {
    visit({}, base::concat<160>("network: ", name.view(), setting, value));
  };
  const auto tell_number = [&](std::string_view setting, std::uint32_t value) {
    tell(setting, base::concat<16>(value).view());
  };
  constexpr unsigned kByItself = IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT;
  tell(" flags ", hexadecimal(link.ifi_flags & ~kByItself).view());
  each_attribute(body, [&](std::uint16_t type, Body value) {
    switch (type) {
      case IFLA_ADDRESS:
        return tell(" address ", address_text(value).view());
      case IFLA_BROADCAST:
        return tell(" broadcast ", address_text(value).view());
      case IFLA_MTU:
        return tell_number(" mtu ", number_in(value));
      case IFLA_TXQLEN:
        return tell_number(" tx_queue_len ", number_in(value));
      case IFLA_GROUP:
        return tell_number(" group ", number_in(value));
      case IFLA_MASTER:
        return tell_number(" master ", number_in(value));
      case IFLA_LINK:
        return tell_number(" link ", number_in(value));
      case IFLA_IFALIAS:
        return tell(" alias ", text_in(value));
      default:
        return;
    }
  });
}

// A lifetime counts down; that there is one is what counts.
void visit_address(Body body, const Visitor& visit) {
  const auto address = linux::cut_header<ifaddrmsg>(body);
  Hash identity;
  AddressText text;
  bool ends = false;
  bool has_local = false;
  identity.add(address.ifa_scope);
  each_attribute(body, [&](std::uint16_t type, Body value) {
    if (type == IFA_CACHEINFO) {
      const auto lifetime = linux::cut_header<ifa_cacheinfo>(value);
      ends = lifetime.ifa_valid != ~0U || lifetime.ifa_prefered != ~0U;
    } else if (type != IFA_FLAGS) {
      identity.add(type).add(value);
    }
    if (type == IFA_LOCAL || (type == IFA_ADDRESS && !has_local)) {
      text = address_text(value);
      has_local = type == IFA_LOCAL;
    }
  });
  visit(identity, base::concat<160>("network: address ", text.view(), "/", address.ifa_prefixlen,
                                    visit.on_interface(address.ifa_index).view(),
                                    ends ? ", for a time" : ""));
}

std::string_view route_type(unsigned char type) {
  constexpr std::string_view kNames[] = {"",          "",           "local ",     "broadcast ",
                                         "anycast ",  "multicast ", "blackhole ", "unreachable ",
                                         "prohibit ", "throw ",     "nat "};
  return type < std::size(kNames) ? kNames[type] : "";
}

// What the kernel keeps of a route's use (RTA_CACHEINFO, cloned ones) is no route.
void visit_route(Body body, const Visitor& visit) {
  const auto route = linux::cut_header<rtmsg>(body);
  if ((route.rtm_flags & RTM_F_CLONED) != 0) {
    return;
  }
  Hash identity;
  AddressText to(route.rtm_family == AF_INET6 ? "::" : "0.0.0.0");
  Name way;
  std::uint32_t table = route.rtm_table;
  identity.add(route.rtm_family).add(route.rtm_src_len).add(route.rtm_tos);
  identity.add(route.rtm_protocol).add(route.rtm_scope).add(route.rtm_type);
  identity.add(route.rtm_flags & std::uint32_t{RTNH_F_PERVASIVE | RTNH_F_ONLINK});
  each_attribute(body, [&](std::uint16_t type, Body value) {
    if (type == RTA_CACHEINFO || type == RTA_EXPIRES) {
      return;
    }
    identity.add(type).add(value);
    if (type == RTA_DST) {
      to = address_text(value);
    } else if (type == RTA_GATEWAY) {
      way.append(" via ").append(address_text(value).view());
    } else if (type == RTA_OIF) {
      way.append(visit.on_interface(number_in(value)).view());
    } else if (type == RTA_PRIORITY) {
      way.append(" metric ").append(number_in(value));
    } else if (type == RTA_TABLE) {
      table = number_in(value);
    }
  });
  Name name("network: route ");
  name.append(route_type(route.rtm_type)).append(to.view()).append("/").append(route.rtm_dst_len);
  name.append(way.view());
  if (table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL) {
    name.append(" table ").append(table);
  }
  visit(identity, name);
}

void visit_rule(Body body, const Visitor& visit) {
  const auto rule = linux::cut_header<fib_rule_hdr>(body);
  Hash identity;
  identity.add(std::as_bytes(std::span(&rule, 1)));
  std::uint32_t priority = 0;
  each_attribute(body, [&](std::uint16_t type, Body value) {
    identity.add(type).add(value);
    priority = type == FRA_PRIORITY ? number_in(value) : priority;
  });
  visit(identity, base::concat<160>("network: routing rule ", priority,
                                    rule.family == AF_INET6 ? " of IPv6" : " of IPv4"));
}

// Others come and go with the traffic.
void visit_neighbour(Body body, const Visitor& visit) {
  const auto neighbour = linux::cut_header<ndmsg>(body);
  if ((neighbour.ndm_state & NUD_PERMANENT) == 0 && (neighbour.ndm_flags & NTF_PROXY) == 0) {
    return;
  }
  Hash identity;
  AddressText text;
  each_attribute(body, [&](std::uint16_t type, Body value) {
    if (type == NDA_DST || type == NDA_LLADDR) {
      identity.add(type).add(value);
    }
    text = type == NDA_DST ? address_text(value) : text;
  });
  const auto index = static_cast<std::uint32_t>(neighbour.ndm_ifindex);
  visit(identity,
        base::concat<160>("network: neighbour ", text.view(), visit.on_interface(index).view()));
}

// The options of some disciplines hold counters.
void visit_qdisc(Body body, const Visitor& visit) {
  const auto qdisc = linux::cut_header<tcmsg>(body);
  Hash identity;
  identity.add(qdisc.tcm_handle).add(qdisc.tcm_parent);
  std::string_view kind;
  each_attribute(body, [&](std::uint16_t type, Body value) {
    kind = type == TCA_KIND ? text_in(value) : kind;
  });
  const auto index = static_cast<std::uint32_t>(qdisc.tcm_ifindex);
  visit(identity,
        base::concat<160>("network: queueing discipline ", kind, visit.on_interface(index).view()));
}

struct Listing {
  std::uint16_t type;
  std::size_t header;  // of the request: the kernel logs what it finds after it
  std::uint8_t neighbour_flags;
  void (*visit)(Body body, const Visitor& visit);
};
constexpr Listing kListings[] = {
    {RTM_GETLINK, sizeof(ifinfomsg), 0, visit_link},
    {RTM_GETADDR, sizeof(ifaddrmsg), 0, visit_address},
    {RTM_GETROUTE, sizeof(rtmsg), 0, visit_route},
    {RTM_GETRULE, sizeof(fib_rule_hdr), 0, visit_rule},
    {RTM_GETNEIGH, sizeof(ndmsg), 0, visit_neighbour},
    {RTM_GETNEIGH, sizeof(ndmsg), NTF_PROXY, visit_neighbour},
    {RTM_GETQDISC, sizeof(tcmsg), 0, visit_qdisc},
};

}  // namespace

Status each_network_object(int rtnetlink, std::uint64_t deadline_ns, void* context,
                           VisitObject report) {
  const Visitor visit{.socket = rtnetlink, .context = context, .visit = report};
  for (const Listing& listing : kListings) {
    std::array<std::byte, sizeof(tcmsg)> any{};  // of any family, on any interface
    any[offsetof(ndmsg, ndm_flags)] = std::byte{listing.neighbour_flags};
    const linux::NetRequest request{.type = listing.type,
                                    .body = std::span(any).first(listing.header)};
    const Status read = linux::dump_net(rtnetlink, request, deadline_ns,
                                        [&](Body body) { listing.visit(body, visit); });
    // A kernel without such things (routing rules, for one) has none.
    if (!read && read.error().kind() != base::Kind::kUnsupported) {
      return read;
    }
  }
  return {};
}

}  // namespace recap::engine
