// SPDX-License-Identifier: Apache-2.0
// What a keeper is told: everything about one Run, decided by its caller before the keeper starts.
//
// The caller encodes a Spec into a sealed memfd; the keeper decodes it in place, so every view
// below points into that mapping and lives as long as it. The format is versioned: a keeper
// refuses a version it does not know. No field is ever interpreted by a shell or split at a
// separator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace recap::run {

inline constexpr std::uint32_t kSpecVersion = 3;
inline constexpr std::size_t kMaxSpecBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxLayers = 120;
inline constexpr std::size_t kMaxPaths = 32;
inline constexpr std::size_t kMaxWords = 4096;  // of argv and of envp each
inline constexpr std::size_t kMaxGroups = 32;

// The descriptors a keeper is started with.
enum KeeperFd : int {
  kStdin = 0,  // the function's own 0, 1, 2: pipes, sockets or /dev/null, never a terminal
  kStdout = 1,
  kStderr = 2,
  kSpecFd = 3,    // sealed memfd with the encoded Spec
  kTargetFd = 4,  // pidfd of the target's init process
  kCallerFd = 5,  // SOCK_SEQPACKET: the keeper's Events go out, EOF means the caller is gone
  kOutFd = 6,     // where artifacts go: see OutMode; absent when OutMode::kNone
};

// Namespaces the Capsule shares with the target; what is not shared is its own and new.
// `mnt` is never shared: the target's files are seen through a View.
enum Share : std::uint8_t {
  kShareNet = 1 << 0,
  kSharePid = 1 << 1,
  kShareIpc = 1 << 2,
  kShareUts = 1 << 3,
  kShareCgroup = 1 << 4,
  kShareUser = 1 << 5,  // only on explicit request
};

enum class View : std::uint8_t { kNothing, kTarget, kMerged };

struct ViewPath {
  std::string_view path;  // absolute, in the target
  bool writable = false;
};

// Whose uid the function runs under.
enum class RunAs : std::uint8_t {
  kReserved,  // a uid of ours, unique per live run; the image's USER maps to it
  kTarget,    // the uid and gid of the target's init process
  kRoot,
};

enum class OutMode : std::uint8_t { kNone, kDirectory, kFile };

// Seccomp profiles, compiled at build time (engine/seccomp).
enum class Profile : std::uint8_t { kRestricted, kNet, kTrace, kFiles };

struct TargetId {
  std::string_view runtime;       // docker, podman, containerd, runc, crun, process
  std::string_view container_id;  // empty for a plain process
  std::string_view name;          // as people know it; never used to decide anything
  std::uint32_t pid = 0;          // init process, as the host sees it
  std::uint64_t start_time = 0;   // field 22 of /proc/PID/stat, clock ticks since boot
};

struct ImageId {
  std::string_view reference;   // what was asked for
  std::string_view digest;      // sha256:… of the manifest
  std::string_view trust = {};  // what was asked of its maker when it was pulled; "": imported
};

// What a grant rests on, for the record.
struct Basis {
  std::string_view function;  // of the catalogue; empty: an image like any other
  std::string_view policy;    // which ceiling: "default", or the name of a CapsulePolicy
  std::string_view ignored;   // labels of the image that ask for rights and were not listened to
};

struct Limits {
  std::uint32_t cpu_millis = 0;    // 1000 = one CPU; 0 = no limit
  std::uint64_t memory_bytes = 0;  // 0 = no limit
  std::uint32_t pids = 0;          // 0 = no limit
  std::uint64_t scratch_bytes =
      0;                          // size of the copy-on-write layer, and of /tmp and /dev/shm in it
  std::uint64_t out_bytes = 0;    // size of /out
  std::uint64_t log_bytes = 0;    // of each of stdout and stderr, kept for `recap logs`
  std::uint64_t deadline_ms = 0;  // 0 = none
  std::uint64_t grace_ms = 0;     // from SIGTERM to SIGKILL
};

struct Spec {
  std::string_view run_id;     // [a-z0-9-]{1,40}, unique among live runs of the node
  std::string_view name;       // chosen by the user, or the run id
  std::string_view requester;  // login name or "uid:N", for the record
  std::string_view
      state_dir;  // host path, e.g. /run/recap; the run's files are in state_dir/runs/RUN
  std::string_view record_dir;     // host path, e.g. /var/lib/recap/records
  std::string_view cgroup_parent;  // path below each cgroup hierarchy's root, e.g. "recap"

  TargetId target;
  ImageId image;
  Basis basis;
  std::array<std::string_view, kMaxLayers> layers{};  // host paths of unpacked layers, top first
  std::size_t layer_count = 0;

  std::uint8_t share = 0;  // Share bits
  View view = View::kNothing;
  std::array<ViewPath, kMaxPaths> paths{};
  std::size_t path_count = 0;

  std::span<std::string_view> argv;  // resolved in PATH of envp inside the Capsule
  std::span<std::string_view> envp;  // NAME=VALUE
  std::string_view workdir;          // absolute; created when missing

  RunAs run_as = RunAs::kReserved;
  std::uint32_t target_uid = 0;  // RunAs::kTarget: who that is, as admission saw it
  std::uint32_t target_gid = 0;
  std::uint32_t image_uid = 0;  // USER of the image, numeric (caller resolved it in the image)
  std::uint32_t image_gid = 0;
  std::array<std::uint32_t, kMaxGroups> groups{};  // supplementary, of the image
  std::size_t group_count = 0;
  std::uint64_t capabilities = 0;  // 1 << CAP_…: the effective grant
  Profile profile = Profile::kRestricted;

  Limits limits;
  bool terminal = false;   // -t: a new pty inside; its master goes to the caller
  bool detached = false;   // -d: the caller's end is no reason to Escape; output goes to files
  std::uint16_t rows = 0;  // initial size of the terminal
  std::uint16_t columns = 0;
  OutMode out = OutMode::kNone;

  std::uint64_t requested_ns = 0;  // CLOCK_MONOTONIC when the request came in
};

// Encodes `spec` into `buffer`; returns the bytes used. kInvalid when a field exceeds its limit.
base::Result<std::size_t> encode(const Spec& spec, std::span<std::byte> buffer);

// Decodes `input` in place. `words` is storage for argv and envp and must outlive the Spec;
// kMaxWords * 2 elements always suffice. kCorrupt when damaged, kUnsupported for another version.
base::Result<Spec> decode(std::span<const std::byte> input, std::span<std::string_view> words);

}  // namespace recap::run
