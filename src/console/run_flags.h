// SPDX-License-Identifier: Apache-2.0
// The flags of a run, wherever it is asked for: what they are called, and what each does to the
// request. `recap run` has them all, `kubectl recap run` those that an object can carry.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "capsule/request.h"
#include "console/flag_parser.h"
#include "console/manual.h"

namespace recap::console {

template <class T, std::size_t... N>
constexpr auto joined(const std::array<T, N>&... parts) {
  std::array<T, (N + ...)> all{};
  std::size_t at = 0;
  const auto add = [&](const auto& part) {
    for (const T& each : part) {
      all[at++] = each;
    }
  };
  (add(parts), ...);
  return all;
}

// They need the caller's terminal.
inline constexpr std::array kTerminalFlags = {
    Flag{"-i,--stdin", "", "pass stdin to the function"},
    Flag{"-t,--tty", "", "give it a terminal (with -i); Ctrl-P Ctrl-Q detaches"},
};

// What the function is and gets.
inline constexpr std::array kFunctionFlags = {
    Flag{"-d,--detach", "", "print the run's name and return; output is kept for `logs`"},
    Flag{"-q,--quiet", "", "say nothing on stderr unless something is wrong"},
    Flag{"--name", "NAME", "name of the run"},
    Flag{"--share", "LIST", "namespaces joined", Words::kNothing,
         "net pid ipc uts cgroup user none all"},
    Flag{"--view", "VIEW", "what is seen of the target's files", Words::kNothing,
         "nothing target merged"},
    Flag{"--path", "PATH", "show this path of the target at its own place, read-only"},
    Flag{"--writable", "PATH", "the same, writable"},
    Flag{"--cap", "CAP", "grant a capability, e.g. NET_RAW"},
    Flag{"--run-as", "WHO", "whose uid the function has", Words::kNothing, "reserved target root"},
    Flag{"--profile", "PROFILE", "seccomp profile; by default it follows from what is granted",
         Words::kNothing, "restricted net trace files"},
    Flag{"--allow-host-namespaces", "",
         "join namespaces, or see files, that the target shares with the host"},
    Flag{"--cpus", "N", "CPU limit, e.g. 0.5; 0, and the default: none"},
    Flag{"--memory", "SIZE", "memory limit, e.g. 1Gi; 0: none"},
    Flag{"--pids", "N", "limit of processes; 0: none"},
    Flag{"--scratch", "SIZE", "limit of what it may write to its own files"},
    Flag{"--timeout", "DURATION", "kill it this long after the request, e.g. 30s; exit code 124"},
    Flag{"--grace", "DURATION", "time between SIGTERM and SIGKILL"},
    Flag{"--env", "NAME[=VALUE]", "set a variable, without VALUE to what it is here"},
    Flag{"--entrypoint", "PROGRAM", "instead of the image's entrypoint"},
    Flag{"--dry-run", "", "say what would be granted, and do nothing"},
};

// They need the node's files, or have no field in a CapsuleRun.
inline constexpr std::array kNodeFlags = {
    Flag{"--pull", "WHEN", "when the image is fetched into the store", Words::kNothing,
         "missing always never"},
    Flag{"-u,--user", "USER[:GROUP]",
         "user inside the image, instead of its USER: names or numbers"},
    Flag{"--env-from-target", "NAMES", "variables to take from the target, e.g. TZ,DATABASE_URL"},
    Flag{"--workdir", "DIR", "working directory inside"},
    Flag{"--out", "DIR|FILE|-", "where the artifacts of /out go, whole or not at all; - is stdout",
         Words::kFile},
    Flag{"--report", "FILE", "write the run's record as JSON", Words::kFile},
    Flag{"--detach-keys", "KEYS", "keys that leave the run without ending it; none: no keys do"},
};

struct RunOptions {
  capsule::RunRequest request;
  capsule::Pull pull = capsule::Pull::kMissing;
  std::optional<std::string> detach_keys;  // as capsule::parse_detach_keys() returns them
  bool quiet = false;
  bool dry_run = false;
  bool help = false;
  bool terminal_by_itself = false;  // a shell was asked for: -it when there is a terminal
};

// Does what one of the flags above says. kInvalid with a sentence about what is wrong with its
// value; kInternal for a flag that is none of them.
base::Status apply_run_flag(RunOptions& options, const GivenFlag& given);

// "256Mi" for "--memory": what a run gets without the flag, for help; empty when there is nothing
// to say.
std::string default_of(std::string_view long_name);

}  // namespace recap::console
