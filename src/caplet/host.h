// SPDX-License-Identifier: Apache-2.0
// The way from a pod of a DaemonSet to its node. On a host nothing of it has an effect.
#pragma once

#include "base/result.h"
#include "capsule/dirs.h"

namespace recap::caplet {

// For a Caplet that serves, before it has threads: its view of cgroups becomes the host's, so that
// what it reads are paths below the host's /sys/fs/cgroup; its network becomes the host's (what it
// listens on already stays where it is, at the address of its pod); and directories of RECap that
// the kubelet has just made for its mounts (0755, empty) are closed to others.
base::Status settle_on_node(const capsule::Dirs& dirs);

// For a program that only works on the node's files and ends then, before it has threads: they are
// the host's from now on, and nothing of its own image can be opened any more.
base::Status join_hosts_files();

}  // namespace recap::caplet
