// SPDX-License-Identifier: Apache-2.0
// A target: a running container (or a plain process) that a Capsule can be attached to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::targets {

enum class State : std::uint8_t { kRunning, kPaused, kStopped };

struct Target {
  std::string runtime;  // "docker", "podman", "containerd", "cri-o", "runc", "crun", "process"
  std::string id;       // container id; empty for a plain process
  std::string name;     // Docker's or Podman's name, else the id, else "pid:N"
  std::string pod, pod_namespace, container;  // Kubernetes' names, from OCI annotations
  std::string image;                          // as the runtime knows it; may be empty
  std::string ns;           // containerd's namespace ("k8s.io", Docker's "moby"), or empty
  std::string oci_runtime;  // "runc", "io.containerd.runsc.v1" …; empty when not known
  std::string cgroup;       // path below the hierarchy's root as the runtime recorded it, or empty
  std::map<std::string, std::string> labels;  // Docker's and Podman's labels, OCI annotations
  std::uint32_t pid = 0;                      // init process, host view
  std::uint64_t start_time = 0;               // field 22 of /proc/PID/stat
  bool start_time_recorded = false;  // start_time is from the runtime's own state, not from /proc
  State state = State::kRunning;
};

// The reference that names this target and no other: "docker://web", "pid:7".
std::string address_of(const Target& target);

// Where runtimes keep their state. Every path is configurable (k3s, Docker's own containerd,
// tests).
struct Roots {
  std::vector<std::string> docker_sockets{"/var/run/docker.sock"};
  std::vector<std::string> podman_sockets{"/run/podman/podman.sock"};
  // OCI runtimes' state: ROOT/ID/state.json (runc, youki), ROOT/ID/status (crun)
  std::vector<std::string> oci_roots{"/run/docker/runtime-runc/moby",
                                     "/run/docker/runtime-crun/moby",
                                     "/run/runc",
                                     "/run/crun",
                                     "/run/youki",
                                     "/run/containerd/runc/k8s.io",
                                     "/run/containerd/runc/default"};
  // containerd's bundles: ROOT/NAMESPACE/ID/{config.json,init.pid}
  std::vector<std::string> containerd_roots{
      "/run/containerd/io.containerd.runtime.v2.task",
      "/run/k3s/containerd/io.containerd.runtime.v2.task",
      "/run/docker/containerd/daemon/io.containerd.runtime.v2.task"};
  // Docker's and Podman's names of containers, for when no daemon is asked:
  // ROOT/containers/ID/config.v2.json, ROOT/overlay-containers/containers.json
  std::vector<std::string> docker_data{"/var/lib/docker"};
  std::vector<std::string> podman_storages{"/var/lib/containers/storage",
                                           "/run/containers/storage"};
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

// The defaults above, each replaced by its variable where that is set; lists are colon-separated:
// RECAP_DOCKER_SOCKET (else DOCKER_HOST), RECAP_PODMAN_SOCKET (else CONTAINER_HOST),
// RECAP_OCI_ROOTS, RECAP_CONTAINERD_ROOTS, RECAP_DOCKER_DATA, RECAP_PODMAN_STORAGE. A DOCKER_HOST
// that is not unix:// is another machine's, so it is left alone. An empty variable means none of
// that kind.
Roots roots_from_env();

// All targets this host has, running or paused, sorted by runtime and name.
// Roots that do not exist are no error; a root that cannot be read is (with its reason).
base::Result<std::vector<Target>> list(const Roots& roots);

// The one target that `reference` names: a name, an id or an id prefix of at least 4 characters,
// `docker://NAME`, `podman://NAME`, `containerd://NAMESPACE/ID`, `cri-o://ID`, `runc://ID`,
// `crun://ID`, `youki://ID`, `pod/NAMESPACE/NAME[/CONTAINER]`, `pid:N`.
// kNotFound; kInvalid when ambiguous (the message lists the candidates); kBusy when paused;
// kUnsupported for gVisor and Kata.
base::Result<Target> find(std::string_view reference, const Roots& roots);

struct Pinned {
  Target target;
  linux::PidFd pidfd;
};

// Makes sure that `target.pid` is the target and stays it: pidfd first, then start time, NSpid and
// the cgroup (the shallowest path component that names the container, exactly), then the pidfd
// again. Nothing that the target can write is trusted. kGone when it ended meanwhile.
base::Result<Pinned> pin(Target target, const Roots& roots);

}  // namespace recap::targets
