// SPDX-License-Identifier: Apache-2.0
// The command line of `kubectl recap run`, flag by flag.
#include <array>

#include "capsule/quantity.h"
#include "console/flag_parser.h"
#include "kubectl/manual.h"
#include "kubectl/run_request.h"

namespace recap::kubectl {
namespace {

using base::Error;
using base::Kind;
using base::Status;
using console::GivenFlag;
using Value = std::string_view;

constexpr std::uint64_t kMaxParallelism = 1000;

Error invalid(std::string_view message) { return {Kind::kInvalid, message}; }

struct Setter {
  std::string_view flag;
  Status (*set)(RunCommand& command, Value value);
};

#define RECAP_TEXT(FIELD) [](RunCommand& c, Value v) -> Status { return c.FIELD = v, Status(); }
#define RECAP_SWITCH(FIELD) [](RunCommand& c, Value) -> Status { return c.FIELD = true, Status(); }

constexpr std::array kSetters = {
    Setter{"--help", RECAP_SWITCH(options.help)},
    Setter{"--namespace", RECAP_TEXT(cluster.ns)},
    Setter{"--context", RECAP_TEXT(cluster.context)},
    Setter{"--kubeconfig", RECAP_TEXT(cluster.kubeconfig)},
    Setter{"--selector",
           [](RunCommand& c, Value v) -> Status {
             (void)RECAP_TRY(selector_of(v));
             return c.selector = v, Status();
           }},
    Setter{"--container", RECAP_TEXT(container)},
    Setter{"--from", RECAP_TEXT(from)},
    Setter{"--rm", RECAP_SWITCH(remove)},
    Setter{"--parallelism",
           [](RunCommand& c, Value v) -> Status {
             c.parallelism =
                 static_cast<std::int64_t>(RECAP_TRY(capsule::parse_count(v, kMaxParallelism)));
             return *c.parallelism != 0 ? Status() : invalid("at least one pod must be possible");
           }},
};

bool is_among(std::span<const console::Flag> flags, std::string_view name) {
  for (const console::Flag& flag : flags) {
    if (console::has_name(flag, name)) {
      return true;
    }
  }
  return false;
}

Status apply(RunCommand& command, const GivenFlag& given) {
  for (const Setter& setter : kSetters) {
    if (setter.flag == given.name) {
      return setter.set(command, given.value).context(given.name);
    }
  }
  if (is_among(console::kTerminalFlags, given.name)) {
    return Error(Kind::kUnsupported,
                 base::concat<200>(given.name,
                                   ": a terminal or stdin cannot be passed through the API server "
                                   "yet; `kubectl recap shell POD` says what is possible today"));
  }
  if (is_among(console::kNodeFlags, given.name)) {
    return Error(Kind::kUnsupported,
                 base::concat<200>(given.name,
                                   " is possible on the node only (`recap run`): a CapsuleRun has "
                                   "no such field"));
  }
  return console::apply_run_flag(command.options, given);
}

Status take_operands(RunCommand& command, const console::ParsedWords& parsed) {
  capsule::RunRequest& request = command.options.request;
  std::span<const std::string_view> words = parsed.words;
  const auto take = [&words] {
    std::string word(words.front());
    words = words.subspan(1);
    return word;
  };
  if (command.from.empty()) {
    if (words.empty()) {
      return invalid("say what to run, and where: kubectl recap run FUNCTION|IMAGE POD [-- ARG…]");
    }
    request.image = take();
  }
  if (command.selector.empty() && !words.empty()) {
    request.target = take();
    for (const std::string_view kind : {"pod/", "pods/", "po/"}) {
      request.target.erase(0, request.target.starts_with(kind) ? kind.size() : 0);
    }
  }
  if (!words.empty()) {
    return invalid(base::concat<300>("unexpected word '", words.front().substr(0, 60),
                                     "'; arguments of the function come behind `--`"));
  }
  if (request.target.empty() && command.selector.empty() && command.from.empty()) {
    return invalid(base::concat<300>("say in which pod: kubectl recap run ",
                                     request.image.substr(0, 60), " POD, or -l LABELS"));
  }
  request.words.assign(parsed.rest.begin(), parsed.rest.end());
  return {};
}

Status check_together(const RunCommand& command) {
  const capsule::RunRequest& request = command.options.request;
  if (!command.from.empty() && !command.from.starts_with("capsule/") &&
      !command.from.starts_with("clustercapsule/")) {
    return invalid("--from takes capsule/NAME or clustercapsule/NAME");
  }
  if (!command.from.empty() && !request.words.empty()) {
    return invalid("with --from what runs is the Capsule's: leave away what is behind `--`");
  }
  if (request.target.find('/') != std::string::npos) {
    return invalid("the target is a pod: for the pods of a Deployment or such use -l LABELS");
  }
  if (command.options.request.detached && command.remove) {
    return invalid("-d returns before there is an end: leave out --rm");
  }
  return {};
}

}  // namespace

base::Result<RunCommand> parse_run_command(std::span<char*> args) {
  RunCommand command;
  const auto parsed = RECAP_TRY(
      console::parse_words(args,
                           {console::find_manual(program(), "run")->flags, program().common_flags,
                            console::kTerminalFlags, console::kNodeFlags},
                           "; arguments of the function come behind `--`"));
  for (const GivenFlag& given : parsed.flags) {
    RECAP_TRY(apply(command, given));
  }
  if (!command.options.help) {
    RECAP_TRY(take_operands(command, parsed));
    RECAP_TRY(check_together(command));
  }
  return command;
}

}  // namespace recap::kubectl
