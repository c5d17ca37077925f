// SPDX-License-Identifier: Apache-2.0
#include "engine/connections.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <span>

#include "linux/fs.h"
#include "linux/net_dump.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

constexpr std::uint64_t kPatienceNs = 2'000'000'000;
constexpr int kRounds = 16;
// Others have no process to belong to, but no uid either, or belong to a process that lives.
constexpr std::uint32_t kStates =
    1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSING | 1U << TCP_LAST_ACK;

struct Found {
  std::array<inet_diag_req_v2, 256> connections;
  std::size_t count = 0;
  std::uint64_t unsent_bytes = 0;
};

bool is_orphan_of(const inet_diag_msg& socket, const RunIds& ids) {
  return socket.idiag_inode == 0 && socket.idiag_uid >= ids.block_first &&
         socket.idiag_uid - ids.block_first < kIdsPerRun;
}

base::Status find(int sock_diag, std::uint8_t family, const RunIds& ids, Found& found) {
  const inet_diag_req_v2 all{.sdiag_family = family,
                             .sdiag_protocol = IPPROTO_TCP,
                             .idiag_ext = 0,
                             .pad = 0,
                             .idiag_states = kStates,
                             .id = {}};
  return linux::dump_net(
      sock_diag, {.type = SOCK_DIAG_BY_FAMILY, .body = std::as_bytes(std::span(&all, 1))},
      linux::monotonic_ns() + kPatienceNs, [&](std::span<const std::byte> body) {
        const auto socket = linux::cut_header<inet_diag_msg>(body);
        if (is_orphan_of(socket, ids) && found.count < found.connections.size()) {
          found.unsent_bytes += socket.idiag_wqueue;
          inet_diag_req_v2& one = found.connections[found.count++];
          one = all;
          one.id = socket.id;
        }
      });
}

// Static: too large for the stack.
Found g_found;

base::Status find_all(int sock_diag, const RunIds& ids, Found& found) {
  found.count = 0;
  found.unsent_bytes = 0;
  if (ids.block_first == 0) {
    return {};
  }
  RECAP_TRY(find(sock_diag, AF_INET, ids, found));
  return find(sock_diag, AF_INET6, ids, found);
}

}  // namespace

bool orphans_exist() {
  std::array<char, 1024> buffer;
  const auto text = linux::read_file_at(linux::kCwd, "/proc/net/sockstat", buffer);
  std::string_view rest = text ? *text : std::string_view();
  while (!rest.empty()) {
    if (linux::next_word(rest) == "orphan") {
      return linux::next_word(rest) != "0";
    }
  }
  return true;
}

Result<Orphans> find_orphans(int sock_diag, const RunIds& ids) {
  RECAP_TRY(find_all(sock_diag, ids, g_found));
  return Orphans{.count = g_found.count, .unsent_bytes = g_found.unsent_bytes};
}

Result<std::size_t> destroy_orphans(int sock_diag, const RunIds& ids) {
  Found& found = g_found;
  RECAP_TRY(find_all(sock_diag, ids, found));
  for (int round = 0; round < kRounds && found.count != 0; ++round) {
    for (const inet_diag_req_v2& one : std::span(found.connections).first(found.count)) {
      (void)linux::ask_net(sock_diag,
                           {.type = SOCK_DESTROY, .body = std::as_bytes(std::span(&one, 1))});
    }
    RECAP_TRY(find_all(sock_diag, ids, found));
  }
  return found.count;
}

}  // namespace recap::engine
