// SPDX-License-Identifier: Apache-2.0
// From the command line to a verb.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "console/escape.h"
#include "console/flag_parser.h"
#include "console/manual.h"
#include "kubectl/manual.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

struct Call {
  std::string_view verb;
  int (*function)(std::span<char*> args);
};

constexpr std::array kCalls = {
    Call{"run", run},         Call{"shell", shell},         Call{"ps", ps},
    Call{"logs", logs},       Call{"stop", stop},           Call{"inspect", inspect},
    Call{"version", version}, Call{"functions", functions}, Call{"__complete", complete},
};

// How many words at the front are common flags with their values: people write `kubectl recap -n
// shop ps`, too.
std::size_t flags_before_verb(std::span<char* const> args) {
  std::size_t at = 0;
  while (at < args.size()) {
    const std::string_view word = args[at];
    const bool is_long = word.starts_with("--");
    const std::string_view name = word.substr(0, is_long ? word.find('=') : 2);
    const auto flags = program().common_flags;
    const auto flag = std::ranges::find_if(
        flags, [&](const console::Flag& each) { return console::has_name(each, name); });
    if (flag == flags.end() || flag->value.empty()) {
      break;
    }
    at += name.size() == word.size() ? 2 : 1;
  }
  return std::min(at, args.size());
}

int say_overview() {
  Output out;
  out << console::overview_of(program());
  return out.finish("");
}

}  // namespace

int dispatch(std::span<char*> argv) {
  std::vector<char*> args(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  const std::size_t flags = flags_before_verb(args);
  const std::string_view first = flags == args.size() ? "--help" : args[flags];
  if (first == "--help" || first == "-h" || first == "help") {
    return say_overview();
  }
  for (const Call& call : kCalls) {
    if (call.verb == (first == "--version" ? "version" : first)) {
      args.erase(args.begin() + static_cast<std::ptrdiff_t>(flags));
      return call.function(args);
    }
  }
  const char* what = first.starts_with('-') ? "unknown flag " : "unknown verb ";
  complain("", what + console::printable(first, 60) + "; `kubectl recap --help` lists the verbs");
  return kExitOurs;
}

}  // namespace recap::kubectl
