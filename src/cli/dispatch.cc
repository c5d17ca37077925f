// SPDX-License-Identifier: Apache-2.0
// From the command line to a verb.
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

#include "capsule/dirs.h"
#include "capsule/recover.h"
#include "cli/manual.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"
#include "console/suggestion.h"

namespace recap::cli {
namespace {

struct Call {
  std::string_view verb;
  int (*function)(std::span<char*> args);
  bool needs_root = true;
  bool recovers = false;  // cleans up first after runs whose keeper died; `run` does so itself
};

constexpr std::array kCalls = {
    Call{"run", run},
    Call{"shell", shell},
    Call{"ps", ps, true, true},
    Call{"logs", logs, true, true},
    Call{"attach", attach, true, true},
    Call{"stop", stop, true, true},
    Call{"inspect", inspect, true, true},
    Call{"diff", diff, true, true},
    Call{"cp", cp, true, true},
    Call{"targets", targets},
    Call{"functions", functions},
    Call{"images", images},
    Call{"import", import_image},
    Call{"pull", pull},
    Call{"push", push},
    Call{"build", build},
    Call{"verify", verify},
    Call{"rmi", rmi},
    Call{"gc", gc, true, true},
    Call{"policy", check_policy},
    Call{"doctor", doctor},
    Call{"version", version, false},
    Call{"completion", completion, false},
    Call{"help", help, false},
    Call{"__complete", complete, false},
};

const Call* find_call(std::string_view verb) {
  for (const Call& call : kCalls) {
    if (call.verb == verb) {
      return &call;
    }
  }
  return nullptr;
}

// Up to "--", behind which the words are the function's.
bool asks_for_help(std::span<char*> args) {
  for (const char* arg : args) {
    const std::string_view word = arg;
    if (word == "--") {
      return false;
    }
    if (word == "-h" || word == "--help") {
      return true;
    }
  }
  return false;
}

struct Early {
  const char* flag;
  const char* variable;
};
constexpr std::array kEarly = {
    Early{"--state-dir", "RECAP_STATE_DIR"},
    Early{"--data-dir", "RECAP_DATA_DIR"},
};

// A keeper that was killed leaves its run to whoever comes next (docs/ledger.md). That this fails
// is no reason to refuse `recap ps`, which shows the run then.
void recover(std::string_view verb) {
  const auto recovered = capsule::recover_dead_runs(capsule::Dirs::from_environment().state);
  if (!recovered) {
    complain(verb,
             "cleaning up after dead runs failed: " + std::string(recovered.error().message()));
  }
}

// Takes `--state-dir DIR` or `--state-dir=DIR` off the front; false when there is none.
bool take_early_flag(std::span<char*>& words) {
  const std::string_view word = words.front();
  for (const Early& early : kEarly) {
    if (word == early.flag && words.size() > 1) {
      ::setenv(early.variable, words[1], 1);
      words = words.subspan(2);
      return true;
    }
    if (word.starts_with(std::string(early.flag) + '=')) {
      ::setenv(early.variable, words[0] + std::string_view(early.flag).size() + 1, 1);
      words = words.subspan(1);
      return true;
    }
  }
  return false;
}

}  // namespace

int dispatch(std::span<char*> argv) {
  std::span<char*> words = argv.empty() ? argv : argv.subspan(1);
  while (!words.empty() && take_early_flag(words)) {
  }
  const std::string_view first = words.empty() ? "--help" : words.front();
  if (first == "--help" || first == "-h") {
    return help({});
  }
  const Call* call = find_call(first == "--version" || first == "-v" ? "version" : first);
  if (call == nullptr) {
    const char* what = first.starts_with('-') ? "unknown flag " : "unknown verb ";
    Suggestion suggestion(first);
    for (const Manual& manual : program().verbs) {
      suggestion.consider(manual.verb);
    }
    complain("",
             what + printable(first, 60) + suggestion.text() + "; `recap --help` lists the verbs");
    return kExitOurs;
  }
  const std::span<char*> args = words.subspan(1);
  if (call->needs_root && ::geteuid() != 0 && !asks_for_help(args)) {
    complain(call->verb, "only root may attach to containers and read RECap's state; use sudo");
    return kExitOurs;
  }
  if (call->recovers && !asks_for_help(args)) {
    recover(call->verb);
  }
  return call->function(args);
}

}  // namespace recap::cli
