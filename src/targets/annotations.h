// SPDX-License-Identifier: Apache-2.0
// Kubernetes' names of a container, as containerd, CRI-O and cri-dockerd write them down.
#pragma once

#include "targets/json.h"
#include "targets/target.h"

namespace recap::targets {

// Copies an object of strings into target.labels: Docker's Labels, OCI's annotations.
void add_labels(Target& target, Json object);

// Fills pod, pod_namespace, container (empty for a pod's sandbox) and image from target.labels.
void fill_pod_names(Target& target);

// The same for a container of Docker or Podman, by the name that cri-dockerd gives:
// k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT. Its labels do not count: the image's are among them.
void fill_pod_names_by_name(Target& target);

}  // namespace recap::targets
