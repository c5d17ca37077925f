// SPDX-License-Identifier: Apache-2.0
// The order matters: facts of the target are read after it was pinned, and its pidfd is asked again
// after they were read, so they are this target's facts.
#include "capsule/admit.h"

#include <stdlib.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "capsule/function_limits.h"
#include "capsule/requester.h"
#include "capsule/target_env.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "policy/catalog_index.h"
#include "policy/image_defaults.h"
#include "policy/words.h"

namespace recap::capsule {
namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

base::Result<std::string> new_run_id() {
  std::array<unsigned char, 6> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return base::Error(base::Kind::kInternal, "the kernel gives no random numbers for a run id");
  }
  std::string id;
  for (const unsigned char byte : random) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
  return std::ranges::any_of(env, [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
}

void set_variable(std::vector<std::string>& env, const std::string& name,
                  const std::string& value) {
  std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  env.push_back(name + "=" + value);
}

// A directory in /proc could be a magic link that leads out of the Capsule (CVE-2024-21626).
base::Result<std::string> checked_workdir(std::string_view path) {
  if (!path.starts_with('/') || path.starts_with("/proc/") || path.size() >= 4096) {
    return base::Error(base::Kind::kInvalid,
                       base::concat<400>("the working directory '", path.substr(0, 200),
                                         "' must be an absolute path outside of /proc"));
  }
  return std::string(path);
}

base::Result<policy::Grant> decide_grant(const RunRequest& request, const Admitted& run) {
  policy::Request function;
  if (!run.function.empty()) {
    function = RECAP_TRY(policy::defaults_of(run.image.labels));
  }
  const policy::TargetFacts facts{
      .name = run.target.target.name,
      .host_shares = RECAP_TRY(shares_with_host(run.target.target.pid, policy::kHostSensitive)),
  };
  if (!linux::send_signal(run.target.pidfd.get(), 0)) {
    return base::Error(base::Kind::kGone,
                       base::concat<300>("'", run.target.target.name, "' ended just now"));
  }
  return policy::decide(request.grant, function, facts,
                        policy::root_ceiling(request.allow_host_namespaces));
}

// "net:[4026531840]". A readlink makes no inode in nsfs, which a stat would, for 20 times the
// price.
std::string namespace_of(std::string_view pid, std::string_view name) {
  std::array<char, 64> link{};
  auto text =
      linux::read_link_at(linux::kCwd, base::concat<64>("/proc/", pid, "/ns/", name).c_str(), link);
  return text ? std::string(*text) : std::string();
}

}  // namespace

std::vector<std::string> command_line(const RunRequest& request,
                                      const image::PreparedImage& image) {
  std::vector<std::string> argv = image.entrypoint;
  if (request.entrypoint) {
    argv.assign(request.entrypoint->empty() ? 0 : 1, *request.entrypoint);
  }
  const bool own_command = !request.words.empty() || request.entrypoint;
  const std::vector<std::string>& rest = own_command ? request.words : image.command;
  argv.insert(argv.end(), rest.begin(), rest.end());
  return argv;
}

std::vector<std::string> environment(const RunRequest& request, const image::PreparedImage& image,
                                     std::uint32_t uid, std::vector<std::string> below) {
  std::vector<std::string> env = std::move(below);
  for (const std::string& entry : image.env) {
    const std::size_t equals = std::min(entry.find('='), entry.size());
    set_variable(env, entry.substr(0, equals), entry.substr(std::min(equals + 1, entry.size())));
  }
  for (const auto& [name, value] : request.env) {
    set_variable(env, name, value);
  }
  if (!has_variable(env, "PATH")) {
    env.emplace_back(kDefaultPath);
  }
  if (!has_variable(env, "HOME")) {
    env.emplace_back(uid == 0 ? "HOME=/root" : "HOME=/");
  }
  if (request.terminal && !has_variable(env, "TERM")) {
    const char* term = ::getenv("TERM");
    env.push_back(std::string("TERM=") + (term != nullptr ? term : "xterm"));
  }
  return env;
}

base::Result<std::uint8_t> shares_with_host(std::uint32_t pid, std::uint8_t among) {
  std::uint8_t bits = 0;
  // A first process with more capabilities than ours hides its namespaces. We are started on the
  // host, so ours are the same.
  const std::string_view init = namespace_of("1", "net").empty() ? "self" : "1";
  for (const policy::ShareName& share : policy::kShareNames) {
    if ((among & share.bit) == 0) {
      continue;
    }
    const std::string target = namespace_of(base::concat<16>(pid), share.name);
    const std::string host = namespace_of(init, share.name);
    if (host.empty() || target.empty()) {
      return base::Error(
          base::Kind::kGone,
          base::concat<300>("the namespaces of process ", pid,
                            " cannot be read: it ended, or /proc is not the host's"));
    }
    if (host == target) {
      bits = static_cast<std::uint8_t>(bits | share.bit);
    }
  }
  return bits;
}

base::Result<Admitted> admit(const RunRequest& request, targets::Pinned target,
                             image::PreparedImage image, const Dirs& dirs) {
  Admitted run;
  run.target = std::move(target);
  run.image = std::move(image);
  run.function = RECAP_TRY(policy::function_of(dirs.catalog_index(), run.image.digest));
  run.grant = RECAP_TRY(decide_grant(request, run).context("refused"));

  run.run_id = RECAP_TRY(new_run_id());
  run.name = request.name.empty() ? run.run_id : request.name;
  run.requester = requester();
  run.limits = request.limits;
  if (!run.function.empty()) {
    RECAP_TRY(apply_limits(run.image.labels, run.limits));
  }
  run.argv = command_line(request, run.image);
  if (run.argv.empty()) {
    return base::Error(base::Kind::kInvalid, "the image names no program: say which after `--`");
  }
  run.user = request.user.value_or(User{run.image.uid, run.image.gid});
  run.groups = request.user ? std::vector<std::uint32_t>() : run.image.groups;
  std::vector<std::string> below;
  if (request.env_from_target) {
    below = RECAP_TRY(target_environment(run.target.target.pid));
  }
  run.env = environment(request, run.image, run.user.uid, std::move(below));
  run.workdir = RECAP_TRY(checked_workdir(
      request.workdir.value_or(run.image.workdir.empty() ? "/" : run.image.workdir)));
  run.terminal = request.terminal;
  run.detached = request.detached;
  run.requested_ns = request.requested_ns;
  return run;
}

}  // namespace recap::capsule
