// SPDX-License-Identifier: Apache-2.0
#include "console/units.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/fixed_string.h"

namespace recap::console {
namespace {

using base::Error;
using base::Kind;
using base::Result;

struct SignalName {
  std::string_view name;
  int number;
};

constexpr std::array kSignals = {
    SignalName{"TERM", SIGTERM}, SignalName{"INT", SIGINT},     SignalName{"QUIT", SIGQUIT},
    SignalName{"HUP", SIGHUP},   SignalName{"KILL", SIGKILL},   SignalName{"USR1", SIGUSR1},
    SignalName{"USR2", SIGUSR2}, SignalName{"ALRM", SIGALRM},   SignalName{"ABRT", SIGABRT},
    SignalName{"CONT", SIGCONT}, SignalName{"WINCH", SIGWINCH},
};

}  // namespace

Result<std::int32_t> parse_signal(std::string_view text) {
  const std::string_view name = text.starts_with("SIG") ? text.substr(3) : text;
  const auto* known = std::ranges::find(kSignals, name, &SignalName::name);
  if (known != kSignals.end()) {
    return known->number;
  }
  std::int32_t number = 0;
  const auto at = std::from_chars(text.data(), text.data() + text.size(), number);
  if (at.ec == std::errc{} && at.ptr == text.data() + text.size() && number > 0 && number <= 64) {
    return number;
  }
  return Error(Kind::kInvalid,
               base::concat<160>(text.substr(0, 40), " is no signal; write it as TERM, INT or 9"));
}

std::string age_text(std::int64_t seconds) {
  const std::int64_t age = std::max<std::int64_t>(seconds, 0);
  if (age < 120) {
    return std::to_string(age) + "s";
  }
  if (age < 2 * 3600) {
    return std::to_string(age / 60) + "m";
  }
  return age < 2 * 86400 ? std::to_string(age / 3600) + "h" : std::to_string(age / 86400) + "d";
}

}  // namespace recap::console
