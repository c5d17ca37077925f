// SPDX-License-Identifier: Apache-2.0
// One table says what each flag does to the request; the header says which flags there are and what
// they look like. A flag that the header has and this table lacks fails the unit test.
#include "console/run_flags.h"

#include <stdlib.h>

#include <algorithm>
#include <array>

#include "capsule/quantity.h"
#include "capsule/target_env.h"
#include "capsule/terminal.h"
#include "policy/image_defaults.h"
#include "policy/words.h"

namespace recap::console {
namespace {

using base::Status;
using Value = std::string_view;

constexpr std::size_t kMaxName = 63;
constexpr std::uint64_t kMaxPids = 4194304;  // the kernel's PID_MAX_LIMIT

base::Error invalid(std::string_view message) { return {base::Kind::kInvalid, message}; }

Status set_name(RunOptions& o, Value v) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  bool good = !v.empty() && v.size() <= kMaxName && v[0] != '-' && v[0] != '.';
  for (const char c : v) {
    good = good && allowed(c);
  }
  if (!good) {
    return invalid(
        "a name has up to 63 letters, digits, '-', '_' and '.', and starts with none of -.");
  }
  o.request.name = v;
  return {};
}

// Who that is only the image knows.
Status set_user(RunOptions& o, Value v) {
  if (v.empty() || v.front() == ':') {
    return invalid("it takes a name or a number, and perhaps :GROUP");
  }
  o.request.user = v;
  return {};
}

Status add_path(RunOptions& o, Value v, bool writable) {
  auto& paths = o.request.grant.paths;
  if (!paths) {
    paths.emplace();
  }
  std::string path = RECAP_TRY(policy::clean_path(v));
  for (policy::PathGrant& known : *paths) {
    if (known.path == path) {
      known.writable = known.writable || writable;
      return {};
    }
  }
  paths->push_back({std::move(path), writable});
  return {};
}

// Several --cap and --share add up.
Status add_capabilities(RunOptions& o, Value v) {
  auto& set = o.request.grant.capabilities;
  set = set.value_or(policy::kNoCapability) | RECAP_TRY(policy::parse_capabilities(v));
  return {};
}

Status add_share(RunOptions& o, Value v) {
  auto& share = o.request.grant.share;
  share = static_cast<std::uint8_t>(share.value_or(0) | RECAP_TRY(policy::parse_share(v)));
  return {};
}

// NAME=VALUE, or NAME for the caller's own value (nothing when the caller has none).
Status add_env(RunOptions& o, Value v) {
  const std::size_t equals = v.find('=');
  std::string name(v.substr(0, equals));
  if (name.empty()) {
    return invalid("it takes NAME=VALUE, or NAME for your own value");
  }
  if (equals != Value::npos) {
    o.request.env.emplace_back(std::move(name), v.substr(equals + 1));
  } else if (const char* own = ::getenv(name.c_str()); own != nullptr) {
    o.request.env.emplace_back(std::move(name), own);
  }
  return {};
}

// Several --env-from-target add up.
Status add_env_from_target(RunOptions& o, Value v) {
  return policy::each_word(v, [&](Value name) -> Status {
    RECAP_TRY(capsule::check_target_variable(name));
    o.request.env_from_target.emplace_back(name);
    return {};
  });
}

Status set_pull(RunOptions& o, Value v) {
  constexpr std::array kWords = {Value("missing"), Value("always"), Value("never")};
  const auto at = std::ranges::find(kWords, v);
  if (at == kWords.end()) {
    return invalid("it is missing, always or never");
  }
  o.pull = static_cast<capsule::Pull>(at - kWords.begin());
  return {};
}

Status set_pids(RunOptions& o, Value v) {
  o.request.limits.pids = static_cast<std::uint32_t>(RECAP_TRY(capsule::parse_count(v, kMaxPids)));
  return {};
}

struct Setter {
  std::string_view flag;
  Status (*set)(RunOptions& options, Value value);
};

// A switch, and a value that a parser turns into a field.
#define RECAP_SWITCH(FIELD) [](RunOptions& o, Value) -> Status { return o.FIELD = true, Status(); }
#define RECAP_VALUE(FIELD, PARSE) \
  [](RunOptions& o, Value v) -> Status { return o.FIELD = RECAP_TRY(PARSE(v)), Status(); }
#define RECAP_TEXT(FIELD) \
  [](RunOptions& o, Value v) -> Status { return o.FIELD = std::string(v), Status(); }

constexpr std::array kSetters = {
    Setter{"--stdin", RECAP_SWITCH(request.interactive)},
    Setter{"--tty", RECAP_SWITCH(request.terminal)},
    Setter{"--detach", RECAP_SWITCH(request.detached)},
    Setter{"--quiet", RECAP_SWITCH(quiet)},
    Setter{"--dry-run", RECAP_SWITCH(dry_run)},
    Setter{"--env-from-target", add_env_from_target},
    Setter{"--allow-host-namespaces", RECAP_SWITCH(request.allow_host_namespaces)},
    Setter{"--pull", set_pull},
    Setter{"--name", set_name},
    Setter{"--user", set_user},
    Setter{"--share", add_share},
    Setter{"--view", RECAP_VALUE(request.grant.view, policy::parse_view)},
    Setter{"--path", [](RunOptions& o, Value v) { return add_path(o, v, false); }},
    Setter{"--writable", [](RunOptions& o, Value v) { return add_path(o, v, true); }},
    Setter{"--cap", add_capabilities},
    Setter{"--run-as", RECAP_VALUE(request.grant.run_as, policy::parse_run_as)},
    Setter{"--profile", RECAP_VALUE(request.grant.profile, policy::parse_profile)},
    Setter{"--cpus", RECAP_VALUE(request.limits.cpu_millis, capsule::parse_cpu_millis)},
    Setter{"--memory", RECAP_VALUE(request.limits.memory_bytes, capsule::parse_size)},
    Setter{"--pids", set_pids},
    Setter{"--scratch", RECAP_VALUE(request.limits.scratch_bytes, capsule::parse_size)},
    Setter{"--timeout", RECAP_VALUE(request.limits.deadline_ms, capsule::parse_duration_ms)},
    Setter{"--grace", RECAP_VALUE(request.limits.grace_ms, capsule::parse_duration_ms)},
    Setter{"--env", add_env},
    Setter{"--workdir", RECAP_TEXT(request.workdir)},
    Setter{"--entrypoint", RECAP_TEXT(request.entrypoint)},
    Setter{"--out", RECAP_TEXT(request.out)},
    Setter{"--report", RECAP_TEXT(request.report)},
    Setter{"--detach-keys", RECAP_VALUE(detach_keys, capsule::parse_detach_keys)},
};

}  // namespace

Status apply_run_flag(RunOptions& options, const GivenFlag& given) {
  for (const Setter& setter : kSetters) {
    if (setter.flag == given.name) {
      return setter.set(options, given.value).context(given.name);
    }
  }
  return base::Error(base::Kind::kInternal, base::concat<200>("nothing reads ", given.name));
}

std::string default_of(std::string_view long_name) {
  const run::Limits& limits = capsule::kDefaultLimits;
  const struct {
    std::string_view flag;
    std::string text;
  } defaults[] = {
      {"--memory", capsule::size_text(limits.memory_bytes)},
      {"--pids", std::string(base::concat<16>(limits.pids).view())},
      {"--scratch", capsule::size_text(limits.scratch_bytes)},
      {"--grace", capsule::duration_text(limits.grace_ms)},
      {"--share", policy::share_text(policy::kDefaultShare)},
      {"--view", "nothing"},
      {"--pull", "missing"},
      {"--run-as", "reserved"},
      {"--detach-keys", capsule::kDefaultDetachKeys},
  };
  for (const auto& entry : defaults) {
    if (entry.flag == long_name) {
      return entry.text;
    }
  }
  return {};
}

}  // namespace recap::console
