// SPDX-License-Identifier: Apache-2.0
#include "engine/observe.h"

#include <fcntl.h>

#include <span>

#include "base/fixed_string.h"
#include "engine/confine.h"
#include "engine/ipc.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapSysPtrace = 19;

bool may(const run::Spec& spec, unsigned capability) {
  return (spec.capabilities & linux::capability(capability)) != 0;
}

std::uint64_t hash(std::uint64_t so_far, std::string_view text) {
  for (const char c : text) {  // FNV-1a
    so_far = (so_far ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
  }
  return so_far;
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

// Calls `visit(hash, text)` for each interface, address and route of the shared network namespace.
template <typename F>
void each_network_object(F&& visit) {
  for (const Listing& listing : kListings) {
    std::array<char, 32768> buffer;
    const auto text = linux::read_file_at(linux::kCwd, listing.file, buffer);
    std::string_view rest = text ? *text : std::string_view();
    while (!rest.empty()) {
      std::string_view line = linux::next_line(rest);
      base::FixedString<128> name;
      bool wanted = true;
      for (int i = 0; i < listing.first_word + listing.words; ++i) {
        const std::string_view word = linux::next_word(line);
        wanted = wanted && (i != 0 || listing.only.empty() || word == listing.only);
        if (i >= listing.first_word) {
          name.append(name.empty() ? "" : " ").append(word);
        }
      }
      if (wanted && !name.empty()) {
        visit(hash(hash(14695981039346656037U, listing.file), name), name.view());
      }
    }
  }
}

void observe_stopped(Observation& seen) {
  const auto proc = linux::open_dir_at(linux::kCwd, "/proc");
  if (!proc) {
    return;
  }
  (void)linux::each_entry(proc->get(), [&](const char* name, unsigned char) {
    const auto pid = linux::parse_number(name);
    if (!pid) {
      return true;
    }
    const char state = linux::state_of(static_cast<int>(*pid)).value_or('?');
    if ((state == 'T' || state == 't') && seen.stopped_count < Observation::kMax) {
      seen.stopped[seen.stopped_count++] = static_cast<std::int32_t>(*pid);
    }
    return true;
  });
}

template <typename T>
bool contains(std::span<const T> list, T value) {
  for (const T& one : list) {
    if (one == value) {
      return true;
    }
  }
  return false;
}

}  // namespace

Observation observe(const run::Spec& spec) {
  Observation seen;
  const bool own_uids = spec.run_as == run::RunAs::kReserved;
  if ((spec.share & run::kSharePid) != 0 &&
      (may(spec, kCapSysPtrace) || may(spec, kCapKill) || !own_uids)) {
    observe_stopped(seen);
  }
  if ((spec.share & run::kShareNet) != 0 && may(spec, kCapNetAdmin)) {
    each_network_object([&seen](std::uint64_t object, std::string_view) {
      if (seen.network_count < Observation::kMaxNetwork) {
        seen.network[seen.network_count++] = object;
      }
    });
  }
  if ((spec.share & run::kShareIpc) != 0 && !own_uids) {
    each_ipc_object([&seen](std::uint64_t object) {
      if (seen.ipc_count < Observation::kMax) {
        seen.ipc[seen.ipc_count++] = object;
      }
    });
  }
  return seen;
}

void compare(const run::Spec& spec, const Observation& before, void* context,
             ReportDifference report) {
  const Observation after = observe(spec);
  const std::span stopped_before(before.stopped.data(), before.stopped_count);
  for (std::size_t i = 0; i < after.stopped_count; ++i) {
    if (!contains(stopped_before, after.stopped[i])) {
      report(context, base::concat<64>("stopped: process ", after.stopped[i], " of the target"));
    }
  }
  const std::span ipc_before(before.ipc.data(), before.ipc_count);
  for (std::size_t i = 0; i < after.ipc_count; ++i) {
    if (!contains(ipc_before, after.ipc[i])) {
      report(context, base::concat<96>("ipc: System V ", ipc_kind_name(after.ipc[i]), " ",
                                       ipc_id(after.ipc[i])));
    }
  }
  if (after.network_count == 0) {
    return;  // not shared, or no right to change it
  }
  const std::span network_before(before.network.data(), before.network_count);
  each_network_object([&](std::uint64_t object, std::string_view name) {
    if (!contains(network_before, object)) {
      report(context, base::concat<200>("network: ", name));
    }
  });
}

}  // namespace recap::engine
