// SPDX-License-Identifier: Apache-2.0
// The order matters: facts of the target are read after it was pinned, and its pidfd is asked again
// after they were read, so they are this target's facts.
#include "capsule/admit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "capsule/function_limits.h"
#include "capsule/host_ceiling.h"
#include "capsule/requester.h"
#include "capsule/target_env.h"
#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/process.h"
#include "policy/catalog_index.h"
#include "policy/image_defaults.h"
#include "policy/words.h"
#include "run/merged_view.h"

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

bool may_show_files(const policy::Request& request) {
  return (request.view && *request.view != run::View::kNothing) ||
         (request.paths && !request.paths->empty());
}

// One that changes it at this moment could be root at the next.
base::Status settled_user(const Admitted& run) {
  if (run.grant.run_as != run::RunAs::kTarget || run.target_ids.settled) {
    return {};
  }
  return base::Error(base::Kind::kDenied,
                     "the target's real, effective and saved user differ, so --run-as target says "
                     "nothing certain: leave it out");
}

base::Status decide_grant(const RunRequest& request, Admitted& run) {
  policy::Request function;
  if (!run.function.empty()) {
    function = RECAP_TRY(policy::defaults_of(run.image.labels));
  }
  const std::uint32_t pid = run.target.target.pid;
  const std::uint8_t host_shares = RECAP_TRY(shares_with_host(pid, policy::kHostSensitive));
  run.target_ids = RECAP_TRY(linux::ids_of(static_cast<int>(pid)));
  if (may_show_files(request.grant) || may_show_files(function)) {
    run.host_mounts = RECAP_TRY(has_mounts_of_host(pid));
  }
  const policy::TargetFacts facts{
      .name = run.target.target.name,
      .host_shares = host_shares,
      .host_mounts = run.host_mounts,
      .root = run.target_ids.uid == 0,
  };
  if (!linux::send_signal(run.target.pidfd.get(), 0)) {
    return base::Error(base::Kind::kGone,
                       base::concat<300>("'", run.target.target.name, "' ended just now"));
  }
  run.grant = RECAP_TRY(policy::decide(request.grant, function, facts,
                                       policy::root_ceiling(request.allow_host_namespaces)));
  return settled_user(run);
}

// An id of the image is an id of the host for reserved uids only.
base::Result<image::ImageUser> user_of(const RunRequest& request, const image::PreparedImage& image,
                                       run::RunAs run_as) {
  if (!request.user) {
    return image::ImageUser{image.uid, image.gid, image.groups};
  }
  if (run_as != run::RunAs::kReserved) {
    return base::Error(
        base::Kind::kInvalid,
        base::concat<200>("--user names a user of the image, but this run has the uid of --run-as ",
                          policy::name_of(run_as), ": leave out one of the two"));
  }
  std::vector<linux::DirFd> layers;
  for (const std::string& layer : image.layers) {
    layers.push_back(RECAP_TRY(linux::open_dir_at(linux::kCwd, layer.c_str())));
  }
  return image::resolve_user_in(layers, *request.user).context("--user");
}

// "net:[4026531840]". A readlink makes no inode in nsfs, which a stat would, for 20 times the
// price.
std::string namespace_of(std::string_view pid, std::string_view name) {
  std::array<char, 64> link{};
  auto text =
      linux::read_link_at(linux::kCwd, base::concat<64>("/proc/", pid, "/ns/", name).c_str(), link);
  return text ? std::string(*text) : std::string();
}

base::Error cannot_read_namespaces_of(std::uint32_t pid) {
  return base::Error(base::Kind::kGone,
                     base::concat<300>("the namespaces of process ", pid,
                                       " cannot be read: it ended, or /proc is not the host's"));
}

// Whether both are in one network namespace, of whose files there is one set. Everybody may ask.
base::Result<bool> share_network(std::uint32_t a, std::uint32_t b) {
  const auto files_of = [](std::uint32_t pid) {
    return linux::stat_at(linux::kCwd, base::concat<64>("/proc/", pid, "/net/dev").c_str(), 0);
  };
  const auto one = files_of(a);
  const auto other = files_of(b);
  if (!one || !other) {
    return cannot_read_namespaces_of(one ? b : a);
  }
  return one->stx_ino == other->stx_ino;
}

// The initial ones have these numbers on every machine (include/uapi/linux/nsfs.h).
constexpr std::string_view kInitialNamespaces[] = {"ipc:[4026531839]", "pid:[4026531836]"};

// A first process with more capabilities than ours hides its namespaces. Then ours stand for them
// where it is certain that they are the same. The keeper sees to the mount namespace by itself.
base::Result<bool> is_in_unseen_host_namespace(std::uint32_t pid, std::string_view name) {
  if (name == "net") {
    return share_network(1, pid);
  }
  const std::string own = namespace_of("self", name);
  if (name != "mnt" && std::ranges::find(kInitialNamespaces, own) == std::end(kInitialNamespaces)) {
    return base::Error(base::Kind::kDenied,
                       "process 1 may not be looked at, so what is the host's is not known: give "
                       "recap's container CAP_SYS_PTRACE and all capabilities of process 1");
  }
  const std::string target = namespace_of(base::concat<16>(pid), name);
  if (target.empty()) {
    return cannot_read_namespaces_of(pid);
  }
  return target == own;
}

base::Result<bool> is_in_host_namespace(std::uint32_t pid, std::string_view name) {
  const std::string host = namespace_of("1", name);
  if (host.empty()) {
    return is_in_unseen_host_namespace(pid, name);
  }
  const std::string target = namespace_of(base::concat<16>(pid), name);
  if (target.empty()) {
    return cannot_read_namespaces_of(pid);
  }
  return host == target;
}

bool has_directory(const image::PreparedImage& image, const std::string& path) {
  return std::ranges::any_of(image.layers, [&](const std::string& layer) {
    const auto root = linux::open_dir_at(linux::kCwd, layer.c_str());
    return root && linux::open_in_root(root->get(), path.c_str(), O_PATH | O_DIRECTORY);
  });
}

// In the merged view the root directory is the target's.
std::string_view home_of(const Admitted& run) {
  if (run.grant.view == run::View::kMerged) {
    return run::kMergedHome;
  }
  return run.user.uid == 0 ? "/root" : "/";
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
                                     std::string_view home, std::vector<std::string> below) {
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
    env.push_back("HOME=" + std::string(home));
  }
  if (request.terminal && !has_variable(env, "TERM")) {
    const char* term = ::getenv("TERM");
    env.push_back(std::string("TERM=") + (term != nullptr ? term : "xterm"));
  }
  return env;
}

std::string workdir_of(const RunRequest& request, const image::PreparedImage& image,
                       run::View view) {
  if (request.workdir) {
    return *request.workdir;
  }
  std::string own = image.workdir.empty() ? "/" : image.workdir;
  if (view != run::View::kMerged || (!run::is_shared_place(own) && has_directory(image, own))) {
    return own;
  }
  return std::string(run::kMergedHome);
}

base::Result<std::uint8_t> shares_with_host(std::uint32_t pid, std::uint8_t among) {
  std::uint8_t bits = 0;
  for (const policy::ShareName& share : policy::kShareNames) {
    if ((among & share.bit) != 0 && RECAP_TRY(is_in_host_namespace(pid, share.name))) {
      bits = static_cast<std::uint8_t>(bits | share.bit);
    }
  }
  return bits;
}

base::Result<bool> has_mounts_of_host(std::uint32_t pid) {
  return is_in_host_namespace(pid, "mnt");
}

base::Result<Admitted> admit(const RunRequest& request, targets::Pinned target,
                             image::PreparedImage image, const Dirs& dirs) {
  Admitted run;
  run.target = std::move(target);
  run.image = std::move(image);
  run.function = RECAP_TRY(policy::function_of(dirs.catalog_index(), run.image.digest));
  run.ignored = run.function.empty() ? policy::labels_that_ask(run.image.labels) : "";
  RECAP_TRY(decide_grant(request, run).context("refused"));

  run.run_id = RECAP_TRY(new_run_id());
  run.name = request.name.empty() ? run.run_id : request.name;
  run.requester = requester();
  static const std::map<std::string, std::string> kNoLabels;
  run.limits =
      RECAP_TRY(limits_of(request.limits, run.function.empty() ? kNoLabels : run.image.labels));
  RECAP_TRY(admit_under_host_policy(run, dirs, !request.out.empty()).context("refused"));
  run.argv = command_line(request, run.image);
  if (run.argv.empty()) {
    return base::Error(base::Kind::kInvalid, "the image names no program: say which after `--`");
  }
  run.user = RECAP_TRY(user_of(request, run.image, run.grant.run_as));
  std::vector<std::string> below;
  if (!request.env_from_target.empty()) {
    below = RECAP_TRY(target_environment(run.target.target.pid, request.env_from_target));
  }
  run.env = environment(request, run.image, home_of(run), std::move(below));
  run.workdir = RECAP_TRY(checked_workdir(workdir_of(request, run.image, run.grant.view)));
  run.terminal = request.terminal;
  run.detached = request.detached;
  run.requested_ns = request.requested_ns;
  return run;
}

}  // namespace recap::capsule
