// SPDX-License-Identifier: Apache-2.0
#include "engine/observe.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/fixed_string.h"
#include "engine/confine.h"
#include "engine/ipc.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

constexpr unsigned kCapNetAdmin = 12;
constexpr unsigned kCapSysPtrace = 19;

bool may(const run::Spec& spec, unsigned capability) {
  return (spec.capabilities & linux::capability(capability)) != 0;
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t so_far = 14695981039346656037U;  // FNV-1a
  for (const char c : text) {
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

// Calls `visit(line)` for each line of a file of any size. A line of more than 4 KiB comes in
// pieces.
template <typename F>
void each_line(const char* path, F&& visit) {
  const auto file = linux::open_at(linux::kCwd, path, O_RDONLY);
  std::array<char, 4096> buffer;
  std::size_t held = 0;
  while (file) {
    const auto got =
        linux::read_some(file->get(), std::as_writable_bytes(std::span(buffer)).subspan(held));
    if (!got || (*got == 0 && held == 0)) {
      return;
    }
    std::string_view rest(buffer.data(), held + *got);
    while (rest.find('\n') != std::string_view::npos) {
      visit(linux::next_line(rest));
    }
    if (*got == 0 || rest.size() == buffer.size()) {
      visit(rest);
      rest = {};
    }
    held = rest.size();
    std::copy(rest.begin(), rest.end(), buffer.begin());
  }
}

// Interfaces, addresses and routes of the shared network namespace.
template <typename F>
void each_network_object(F&& visit) {
  for (const Listing& listing : kListings) {
    each_line(listing.file, [&](std::string_view line) {
      base::FixedString<128> name("network:");
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
    });
  }
}

template <typename F>
void each_stopped_process(F&& visit) {
  const auto proc = linux::open_dir_at(linux::kCwd, "/proc");
  if (!proc) {
    return;
  }
  (void)linux::each_entry(proc->get(), [&](const char* name, unsigned char) {
    const auto pid = linux::parse_number(name);
    const char state = pid ? linux::state_of(static_cast<int>(*pid)).value_or('?') : '?';
    if (state == 'T' || state == 't') {
      visit(base::concat<64>("stopped: process ", *pid, " of the target").view());
    }
    return true;
  });
}

// Calls `visit("class: detail")` for each object that a function with this grant could have made.
template <typename F>
void each_object(const run::Spec& spec, F&& visit) {
  const bool own_uids = spec.run_as == run::RunAs::kReserved;
  if ((spec.share & run::kSharePid) != 0 &&
      (may(spec, kCapSysPtrace) || may(spec, kCapKill) || !own_uids)) {
    each_stopped_process(visit);
  }
  if ((spec.share & run::kShareIpc) != 0 && !own_uids) {
    (void)each_ipc_object([&visit](std::uint64_t object) {
      visit(base::concat<96>("ipc: System V ", ipc_kind_name(object), " ", ipc_id(object)).view());
    });
  }
  if ((spec.share & run::kShareNet) != 0 && may(spec, kCapNetAdmin)) {
    each_network_object(visit);
  }
}

void remember(Observation& seen, std::uint64_t object) {
  if (seen.objects.empty() && seen.complete) {
    const auto memory = linux::map_memory(Observation::kMax * sizeof object);
    if (memory) {
      seen.objects = {reinterpret_cast<std::uint64_t*>(memory->data()), Observation::kMax};
    }
  }
  seen.complete = seen.complete && seen.count < seen.objects.size();
  if (seen.complete) {
    seen.objects[seen.count++] = object;
  }
}

}  // namespace

Observation observe(const run::Spec& spec) {
  Observation seen;
  each_object(spec, [&seen](std::string_view what) { remember(seen, hash(what)); });
  std::ranges::sort(seen.objects.first(seen.count));
  return seen;
}

void compare(const run::Spec& spec, const Observation& before, void* context,
             ReportDifference report) {
  if (!before.complete) {
    report(context, "network: not checked, there are more than 65536 addresses and routes");
    return;
  }
  const auto known = before.objects.first(before.count);
  // An address is in the kernel's list of local routes too; it is one thing.
  std::array<std::uint64_t, 64> reported;
  std::size_t count = 0;
  each_object(spec, [&](std::string_view what) {
    const std::uint64_t object = hash(what);
    const auto told = std::span(reported).first(count);
    if (std::ranges::binary_search(known, object) ||
        std::ranges::find(told, object) != told.end()) {
      return;
    }
    report(context, what);
    if (count < reported.size()) {
      reported[count++] = object;
    }
  });
}

}  // namespace recap::engine
