// SPDX-License-Identifier: Apache-2.0
// recap stop: asks keepers to end their runs and waits until each has verified its Escape.
#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "capsule/keeper_link.h"
#include "capsule/quantity.h"
#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"
#include "console/units.h"

namespace recap::cli {
namespace {

using capsule::KeeperLink;

// Beyond the grace: killing, Escape and its check take milliseconds; a frozen host takes longer.
constexpr std::int64_t kEscapeMs = 60'000;
constexpr std::int64_t kLongestGraceMs = 24LL * 3600 * 1000;

struct Stopping {
  std::string id;
  KeeperLink link;
  std::uint64_t grace_ms;
};

struct Order {
  std::optional<std::uint64_t> grace_ms;
  std::int32_t signal = 0;
};

base::Result<Order> order_of(const std::string& grace, const std::string& signal) {
  Order order;
  if (!grace.empty()) {
    order.grace_ms = RECAP_TRY(capsule::parse_duration_ms(grace));
    if (*order.grace_ms > static_cast<std::uint64_t>(kLongestGraceMs)) {
      return base::Error(base::Kind::kInvalid, "--grace is at most 24h");
    }
  }
  if (!signal.empty()) {
    order.signal = RECAP_TRY(parse_signal(signal));
  }
  return order;
}

base::Result<Stopping> begin(const capsule::Dirs& dirs, const capsule::Run& run,
                             const Order& order) {
  if (run.life != capsule::Life::kLive) {
    return base::Error(base::Kind::kGone,
                       base::concat<160>("the keeper of ", run.id,
                                         " is gone; the next `recap run` cleans up after it"));
  }
  const std::uint64_t own = run.spec ? run.spec->spec.limits.grace_ms : 0;
  const run::Command command{.type = run::CommandType::kStop,
                             .signal = order.signal,
                             .grace_ms = order.grace_ms.value_or(own)};
  KeeperLink link = RECAP_TRY(KeeperLink::connect(dirs, run.id));
  RECAP_TRY(link.send(command));
  return Stopping{run.id, std::move(link), command.grace_ms};
}

// True when the run is over and nothing of it is left.
bool finish(Stopping& stopping, Output& out) {
  const auto wait = static_cast<std::int64_t>(stopping.grace_ms) + kEscapeMs;
  for (;;) {
    auto answer = stopping.link.receive(wait);
    if (!answer) {
      fail("stop", std::move(answer.error()).context(stopping.id));
      return false;
    }
    if (answer->event.type != run::EventType::kDone) {
      continue;
    }
    out << stopping.id << "\n";
    if (answer->event.residue_count != 0 || answer->event.residue_verified == 0) {
      const std::string_view message = capsule::message_of(answer->event);
      complain("stop", stopping.id + ": " +
                           std::string(message.empty() ? "Escape was not verified" : message));
      return false;
    }
    return true;
  }
}

base::Result<std::vector<capsule::Run>> chosen(const capsule::Dirs& dirs, bool all,
                                               const std::vector<std::string>& references,
                                               bool& good) {
  if (all) {
    return capsule::list_live(dirs);
  }
  std::vector<capsule::Run> runs;
  for (const std::string& reference : references) {
    auto run = capsule::find_run(dirs, reference, capsule::Among::kLive);
    if (run) {
      runs.push_back(*std::move(run));
    } else {
      fail("stop", run.error());
      good = false;
    }
  }
  return runs;
}

// How many keepers may be spoken to at once: each costs a descriptor.
std::size_t batch_size() {
  constexpr rlim_t kOthers = 64;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return kOthers;
  }
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > 2 * kOthers ? limit.rlim_cur - kOthers : kOthers;
}

// All of a batch get the signal first, so that their graces pass together.
bool stop_batch(std::span<const capsule::Run> runs, const capsule::Dirs& dirs, const Order& order,
                Output& out) {
  bool good = true;
  std::vector<Stopping> begun;
  for (const capsule::Run& run : runs) {
    auto stopping = begin(dirs, run, order);
    if (stopping) {
      begun.push_back(*std::move(stopping));
    } else {
      fail("stop", stopping.error());
      good = false;
    }
  }
  for (Stopping& stopping : begun) {
    good = finish(stopping, out) && good;
    (void)out.flush();
  }
  return good;
}

int stop_all(std::span<const capsule::Run> runs, const capsule::Dirs& dirs, const Order& order,
             bool good) {
  const std::size_t batch = batch_size();
  Output out;
  while (!runs.empty()) {
    const std::size_t size = std::min(batch, runs.size());
    good = stop_batch(runs.first(size), dirs, order, out) && good;
    runs = runs.subspan(size);
  }
  return out.finish("stop", good ? 0 : kExitOurs);
}

}  // namespace

int stop(std::span<char*> args) {
  std::vector<std::string> references;
  bool all = false;
  std::string grace;
  std::string signal;
  Command command("stop");
  command.bind("--all", all).bind("--grace", grace).bind("--signal", signal).operands(references);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  if (all == !references.empty()) {
    complain("stop", all ? "--all and names exclude each other"
                         : "which run? name one, or say --all; `recap ps` lists them");
    return kExitOurs;
  }
  const auto order = order_of(grace, signal);
  if (!order) {
    return fail("stop", order.error());
  }
  bool good = true;
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  const auto runs = chosen(dirs, all, references, good);
  return runs ? stop_all(*runs, dirs, *order, good) : fail("stop", runs.error());
}

}  // namespace recap::cli
