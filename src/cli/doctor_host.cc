// SPDX-License-Identifier: Apache-2.0
// What is around RECap on this host: namespaces, directories, programs, runtimes, left-overs.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <string>

#include "capsule/quantity.h"
#include "capsule/runs.h"
#include "capsule/stage.h"
#include "cli/doctor.h"
#include "linux/fs.h"
#include "targets/target.h"

namespace recap::cli {
namespace {

constexpr std::int64_t kTmpfs = 0x01021994;  // statfs(2)

// include/uapi/linux/nsfs.h: the first namespaces of a host have fixed inode numbers (the mount
// namespace since 6.18).
struct FirstNamespace {
  const char* name;
  ino_t inode;
};
constexpr ino_t kFirstPid = 0xEFFFFFFC;
constexpr std::array kFirstNamespaces = {
    FirstNamespace{"mnt", 0xEFFFFFF8}, FirstNamespace{"cgroup", 0xEFFFFFFB},
    FirstNamespace{"ipc", 0xEFFFFFFF}, FirstNamespace{"uts", 0xEFFFFFFE}};
constexpr std::uint64_t kLittleSpace = std::uint64_t{256} << 20;

bool is_the_hosts(const FirstNamespace& first) {
  struct stat own{};
  struct stat init{};
  const std::string own_path = std::string("/proc/self/ns/") + first.name;
  const std::string init_path = std::string("/proc/1/ns/") + first.name;
  if (::stat(own_path.c_str(), &own) != 0) {
    return false;
  }
  return own.st_ino == first.inode ||
         (::stat(init_path.c_str(), &init) == 0 && own.st_ino == init.st_ino);
}

// The anchor to the host is its process 1 (docs/architecture.md).
void check_namespaces(Findings& out) {
  struct stat info{};
  if (::stat("/proc/self/ns/pid", &info) != 0 || info.st_ino != kFirstPid) {
    out.push_back({Health::kWarn, "host namespaces", "this is not the host's pid namespace",
                   "only containers inside it are seen; run recap on the host or with hostPID"});
    return;
  }
  std::string others;
  for (const FirstNamespace& first : kFirstNamespaces) {
    if (!is_the_hosts(first)) {
      others.append(others.empty() ? "" : ", ").append(first.name);
    }
  }
  if (others.empty()) {
    out.push_back({Health::kOk, "host namespaces", "we are in them", ""});
  } else if (::stat("/proc/1/ns/mnt", &info) == 0) {
    out.push_back({Health::kOk, "host namespaces",
                   "reached through process 1 (ours are other ones: " + others + ")", ""});
  } else {
    out.push_back({Health::kFail, "host namespaces", "process 1 may not be looked at: " + others,
                   "give recap's container CAP_SYS_PTRACE and all capabilities of process 1"});
  }
}

void check_state(Findings& out, const capsule::Dirs& dirs) {
  std::string path = dirs.state;
  while (path.size() > 1 && ::access(path.c_str(), F_OK) != 0) {
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  }
  const auto type = linux::filesystem_type(path.c_str());
  const bool memory = type && *type == kTmpfs;
  out.push_back({memory ? Health::kOk : Health::kWarn, "state directory",
                 dirs.state + (memory ? " (tmpfs)" : " (not on tmpfs)"),
                 memory ? "" : "mount tmpfs on /run: ledgers on a disk make each run slower"});
}

void check_owner(Findings& out, const std::string& path, bool secret) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return;  // made when it is needed
  }
  const bool good =
      S_ISDIR(info.st_mode) && info.st_uid == 0 && (info.st_mode & (secret ? 077U : 022U)) == 0;
  if (!good) {
    out.push_back({Health::kFail, "permissions", path + " is not a directory of root's alone",
                   "chown root " + path + " && chmod 700 " + path});
  }
}

void check_space(Findings& out, const capsule::Dirs& dirs) {
  std::string path = dirs.data;
  while (path.size() > 1 && ::access(path.c_str(), F_OK) != 0) {
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  }
  struct statvfs space{};
  if (::statvfs(path.c_str(), &space) != 0) {
    return;
  }
  const std::uint64_t available = std::uint64_t{space.f_bavail} * space.f_frsize;
  const bool little = available < kLittleSpace;
  out.push_back({little ? Health::kWarn : Health::kOk, "data directory",
                 dirs.data + " (" + std::to_string(available >> 20) + " MiB free)",
                 little ? "free some space: images and records need it" : ""});
}

bool in_path(std::string_view program) {
  const char* value = ::getenv("PATH");
  std::string_view path = value == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : value;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::string file = std::string(path.substr(0, end)).append("/").append(program);
    if (::access(file.c_str(), X_OK) == 0) {
      return true;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

void check_programs(Findings& out) {
  const std::string images = capsule::program_path("recap-image");
  const bool there = ::access(images.c_str(), X_OK) == 0;
  out.push_back({there ? Health::kOk : Health::kFail, "recap-image", there ? images : "not found",
                 there ? "" : "install it beside recap or as /usr/libexec/recap/recap-image"});
  const bool skopeo = in_path("skopeo");
  out.push_back({skopeo ? Health::kOk : Health::kWarn, "skopeo", skopeo ? "yes" : "not found",
                 skopeo ? "" : "`recap pull` needs it: install the package skopeo"});
  std::string builders;
  for (const char* name : {"buildah", "podman", "docker"}) {
    if (in_path(name)) {
      builders.append(builders.empty() ? "" : ", ").append(name);
    }
  }
  out.push_back({builders.empty() ? Health::kWarn : Health::kOk, "image builders",
                 builders.empty() ? "none" : builders,
                 builders.empty() ? "building images needs buildah, podman or docker" : ""});
}

void add_existing(std::string& found, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (::access(path.c_str(), F_OK) == 0) {
      found.append(found.empty() ? "" : ", ").append(path);
    }
  }
}

// Engines on other machines have no containers here, and their clients show nothing else.
void check_engine_host(Findings& out, const char* variable, const char* instead) {
  const char* value = ::getenv(variable);
  if (value == nullptr || *value == '\0' || std::string_view(value).starts_with("unix://") ||
      ::getenv(instead) != nullptr) {
    return;
  }
  out.push_back({Health::kWarn, variable,
                 std::string(value) + " is not used, only sockets here are",
                 std::string("set ") + instead + " to the socket of this host's engine"});
}

void check_runtimes(Findings& out) {
  check_engine_host(out, "DOCKER_HOST", "RECAP_DOCKER_SOCKET");
  check_engine_host(out, "CONTAINER_HOST", "RECAP_PODMAN_SOCKET");
  const targets::Roots roots = targets::roots_from_env();
  std::string found;
  add_existing(found, roots.docker_sockets);
  add_existing(found, roots.podman_sockets);
  add_existing(found, roots.oci_roots);
  add_existing(found, roots.containerd_roots);
  out.push_back({Health::kOk, "runtimes",
                 found.empty() ? "none seen; processes can be targets as pid:N" : found, ""});
  const auto listed = targets::list(roots);
  if (!listed) {
    out.push_back({Health::kWarn, "targets", std::string(listed.error().message()),
                   "`recap targets` shows the same"});
  } else {
    out.push_back({Health::kOk, "targets", std::to_string(listed->size()), ""});
  }
}

void check_runs(Findings& out, const capsule::Dirs& dirs) {
  const auto runs = capsule::list_live(dirs);
  if (!runs) {
    out.push_back({Health::kFail, "runs", std::string(runs.error().message()), ""});
    return;
  }
  std::string dead;
  std::size_t live = 0;
  for (const capsule::Run& run : *runs) {
    if (run.life == capsule::Life::kDead) {
      dead.append(dead.empty() ? "" : ", ").append(run.id);
    } else {
      ++live;
    }
  }
  out.push_back({Health::kOk, "live runs", std::to_string(live), ""});
  if (!dead.empty()) {
    out.push_back({Health::kWarn, "dead runs", dead,
                   "`recap ps` cleans up after them; if they stay, look at `recap inspect`"});
  }
}

}  // namespace

void check_host(Findings& out, const capsule::Dirs& dirs) {
  check_namespaces(out);
  check_state(out, dirs);
  check_space(out, dirs);
  for (const std::string& path : {dirs.state, dirs.data, dirs.store(), dirs.records()}) {
    check_owner(out, path, true);
  }
  check_programs(out);
  check_runtimes(out);
  check_runs(out, dirs);
}

}  // namespace recap::cli
