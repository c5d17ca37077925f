// SPDX-License-Identifier: Apache-2.0
// See known.h.
#include "targets/known.h"

#include <algorithm>
#include <optional>

#include "targets/containerd.h"
#include "targets/docker.h"
#include "targets/oci.h"
#include "targets/podman.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using Targets = std::vector<Target>;

void fill(std::string& to, std::string& from) {
  if (to.empty()) {
    to = std::move(from);
  }
}

// The OCI runtime's state has no names, Podman's storage does.
void add_podman_names(Targets& targets, const Roots& roots) {
  const auto is_podmans = [](const Target& target) {
    return target.runtime == "podman" && target.name == target.id;
  };
  if (std::ranges::none_of(targets, is_podmans)) {
    return;
  }
  for (const std::string& storage : roots.podman_storages) {
    const auto names = stored_names(storage);
    if (!names || !*names) {
      continue;  // a name is a comfort; the id serves
    }
    for (Target& target : targets) {
      const auto stored =
          std::ranges::find((*names)->begin(), (*names)->end(), target.id, &StoredName::id);
      if (is_podmans(target) && stored != (*names)->end() && !stored->name.empty()) {
        target.name = stored->name;
        target.image = stored->image;
      }
    }
  }
}

// Docker runs its containers in a namespace of containerd's, whose name is configurable.
void add_docker_names(Targets& targets, const Roots& roots) {
  for (Target& target : targets) {
    for (const std::string& data : roots.docker_data) {
      const bool may_be = target.runtime == "docker" || target.runtime == "containerd";
      if (may_be && add_docker_names(target, data)) {
        target.runtime = "docker";
        break;
      }
    }
  }
}

template <typename Accept>
Result<Targets> collect(const Roots& roots, Accept&& accept, bool skip_bad) {
  Targets targets;
  const auto add = [&](Result<std::optional<Target>> found) -> Status {
    if (!found && !skip_bad) {
      return found.error();
    }
    if (found && *found) {
      merge_into(targets, **std::move(found));
    }
    return {};
  };
  for (const std::string& root : roots.oci_roots) {
    for (const std::string& id : RECAP_TRY(oci_ids(root))) {
      if (accept(id)) {
        RECAP_TRY(add(oci_container(root, id)));
      }
    }
  }
  for (const std::string& root : roots.containerd_roots) {
    for (const BundleName& bundle : RECAP_TRY(containerd_bundles(root))) {
      // What runc's state already told needs no second, larger file.
      const auto same = std::ranges::find(targets, bundle.id, &Target::id);
      if (accept(bundle.id) && same == targets.end()) {
        RECAP_TRY(add(containerd_container(bundle)));
      }
    }
  }
  add_podman_names(targets, roots);
  add_docker_names(targets, roots);
  return targets;
}

}  // namespace

void merge_into(Targets& targets, Target target) {
  const auto same = std::ranges::find(targets, target.id, &Target::id);
  // Only generated ids are unique over all roots; "web" may be runc's and crun's.
  if (same == targets.end() || target.id.size() < 64) {
    targets.push_back(std::move(target));
    return;
  }
  fill(same->image, target.image);
  fill(same->ns, target.ns);
  fill(same->oci_runtime, target.oci_runtime);
  fill(same->cgroup, target.cgroup);
  fill(same->pod, target.pod);
  fill(same->pod_namespace, target.pod_namespace);
  fill(same->container, target.container);
  same->labels.merge(target.labels);
  if (!same->start_time_recorded && same->pid == target.pid) {
    same->start_time = target.start_time;
    same->start_time_recorded = target.start_time_recorded;
  }
}

Result<Targets> known_by_id(const Roots& roots, std::string_view id) {
  Targets targets;
  for (const std::string& root : roots.oci_roots) {
    if (auto found = RECAP_TRY(oci_container(root, id))) {
      merge_into(targets, *std::move(found));
    }
  }
  if (targets.empty()) {
    for (const std::string& root : roots.containerd_roots) {
      for (const std::string& ns : RECAP_TRY(containerd_namespaces(root))) {
        if (auto found = RECAP_TRY(containerd_container({root, ns, std::string(id)}))) {
          merge_into(targets, *std::move(found));
        }
      }
    }
  }
  add_podman_names(targets, roots);
  add_docker_names(targets, roots);
  return targets;
}

Result<Targets> known_by_prefix(const Roots& roots, std::string_view prefix) {
  return collect(roots, [&](const std::string& id) { return id.starts_with(prefix); }, false);
}

Result<Targets> known_all(const Roots& roots) {
  return collect(roots, [](const std::string&) { return true; }, true);
}

}  // namespace recap::targets
