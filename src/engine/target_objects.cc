// SPDX-License-Identifier: Apache-2.0
#include "engine/target_objects.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fixed_string.h"
#include "engine/confine.h"
#include "engine/ipc.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

constexpr unsigned kCapSetgid = 6;
constexpr unsigned kCapSetuid = 7;
constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapIpcOwner = 15;
constexpr unsigned kCapSysPtrace = 19;

// Longest name of an object: two words of a line, or an interface and its address.
using Name = base::FixedString<160>;

bool may(const run::Spec& spec, unsigned capability) {
  return (spec.capabilities & linux::capability(capability)) != 0;
}

struct Listing {
  const char* file;
  int first_word, words;       // what names the object; the rest are counters and flags
  std::string_view only = {};  // lines that begin with this word
};
constexpr Listing kListings[] = {{"/proc/net/dev", 0, 1},
                                 {"/proc/net/fib_trie", 1, 1, "|--"},
                                 {"/proc/net/if_inet6", 0, 1},
                                 {"/proc/net/ipv6_route", 0, 2}};

bool is_missing(const base::Error& error) {
  return error.errno_value() == ENOENT || error.errno_value() == ESRCH;
}

// Calls `visit(line)` for each line of a file of any size, which may be missing (IPv6 may be
// switched off). A line of more than 4 KiB comes in pieces.
template <typename F>
Status each_line(const char* path, F&& visit) {
  const auto file = linux::open_at(linux::kCwd, path, O_RDONLY);
  if (!file) {
    return is_missing(file.error()) ? Status{} : Status(file.error());
  }
  std::array<char, 4096> buffer;
  std::size_t held = 0;
  while (true) {
    const std::size_t got = RECAP_TRY(
        linux::read_some(file->get(), std::as_writable_bytes(std::span(buffer)).subspan(held)));
    if (got == 0 && held == 0) {
      return {};
    }
    std::string_view rest(buffer.data(), held + got);
    while (rest.find('\n') != std::string_view::npos) {
      visit(linux::next_line(rest));
    }
    if (got == 0 || rest.size() == buffer.size()) {
      visit(rest);
      rest = {};
    }
    held = rest.size();
    std::copy(rest.begin(), rest.end(), buffer.begin());
  }
}

// Interfaces, addresses and routes of the shared network namespace.
template <typename F>
Status each_listed(F&& visit) {
  for (const Listing& listing : kListings) {
    RECAP_TRY(each_line(listing.file, [&](std::string_view line) {
      Name name("network:");
      bool wanted = true;
      for (int i = 0; i < listing.first_word + listing.words; ++i) {
        const std::string_view word = linux::next_word(line);
        wanted =
            wanted && !word.empty() && (i != 0 || listing.only.empty() || word == listing.only);
        if (i >= listing.first_word) {
          name.append(" ").append(word);
        }
      }
      if (wanted) {
        visit(name.view());
      }
    }));
  }
  return {};
}

// What was set on each interface.
template <typename F>
Status each_interface_setting(F&& visit) {
  const linux::DirFd interfaces = RECAP_TRY(linux::open_dir_at(linux::kCwd, "/sys/class/net"));
  Status worst;
  RECAP_TRY(linux::each_entry(interfaces.get(), [&](const char* name, unsigned char type) {
    for (const char* setting : {"flags", "mtu", "tx_queue_len", "address"}) {
      std::array<char, 96> buffer;
      const auto path = base::concat<64>(name, "/", setting);
      const auto value = type == DT_LNK
                             ? linux::read_file_at(interfaces.get(), path.c_str(), buffer)
                             : base::Result<std::string_view>("");
      if (value && !value->empty()) {
        std::string_view rest = *value;
        visit(
            base::concat<160>("network: ", name, " ", setting, " ", linux::next_line(rest)).view());
      } else if (!value && !is_missing(value.error()) && worst) {
        worst = value.error();
      }
    }
    return true;
  }));
  return worst;
}

template <typename F>
Status each_stopped_process(F&& visit) {
  const linux::DirFd proc = RECAP_TRY(linux::open_dir_at(linux::kCwd, "/proc"));
  Status worst;
  RECAP_TRY(linux::each_entry(proc.get(), [&](const char* name, unsigned char) {
    const auto pid = linux::parse_number(name);
    if (!pid) {
      return true;
    }
    const auto state = linux::state_of(static_cast<int>(*pid));
    if (state && (*state == 'T' || *state == 't')) {
      visit(base::concat<160>("stopped: process ", *pid, " of the target").view());
    } else if (!state && !is_missing(state.error()) && worst) {
      worst = state.error();
    }
    return true;
  }));
  return worst;
}

}  // namespace

std::uint8_t looks_at(const run::Spec& spec) {
  const bool own_uids = spec.run_as == run::RunAs::kReserved && !may(spec, kCapSetuid) &&
                        !may(spec, kCapSetgid) && !may(spec, kCapIpcOwner);
  const bool may_stop = may(spec, kCapSysPtrace) || may(spec, kCapKill) || !own_uids;
  std::uint8_t wanted = 0;
  if ((spec.share & run::kSharePid) != 0 && may_stop) {
    wanted |= kLooksAtProcesses;
  }
  if ((spec.share & run::kShareIpc) != 0 && !own_uids) {
    wanted |= kLooksAtIpc;
  }
  if ((spec.share & run::kShareNet) != 0 && may(spec, kCapNetAdmin)) {
    wanted |= kLooksAtNetwork;
  }
  return wanted;
}

Status each_object(const run::Spec& spec, const RunIds& ids, void* context, VisitName report) {
  const auto visit = [&](std::string_view what) { report(context, what); };
  const std::uint8_t wanted = looks_at(spec);
  Status worst;
  const auto note = [&worst](Status status) {
    if (!status && worst) {
      worst = std::move(status);
    }
  };
  if ((wanted & kLooksAtProcesses) != 0) {
    note(each_stopped_process(visit));
  }
  if ((wanted & kLooksAtIpc) != 0) {
    note(each_other_ipc_object(ids, [&visit](std::uint64_t object) {
      visit(base::concat<160>("ipc: System V ", ipc_kind_name(object), " ", ipc_id(object)).view());
    }));
  }
  if ((wanted & kLooksAtNetwork) != 0) {
    note(each_listed(visit));
    note(each_interface_setting(visit));
  }
  return worst;
}

}  // namespace recap::engine
