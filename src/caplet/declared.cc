// SPDX-License-Identifier: Apache-2.0
#include "caplet/declared.h"

#include <utility>

namespace recap::caplet {

std::string key_of(std::string_view kind, const kube::ObjectMeta& meta) {
  std::string key(kind);
  key += "/" + (meta.ns.empty() ? "" : meta.ns + "/") + meta.name;
  return meta.uid.empty() ? key : key + "@" + meta.uid;
}

DeclaredPtr declare(kube::Capsule capsule) {
  auto declared = std::make_shared<Declared>();
  declared->kind = capsule.cluster ? "ClusterCapsule" : "Capsule";
  declared->key = key_of(declared->kind, capsule.meta);
  declared->capsule = std::move(capsule);
  return declared;
}

DeclaredPtr declare(const kube::CapsuleRun& run, const kube::Capsule* capsule) {
  auto declared = std::make_shared<Declared>();
  declared->kind = "CapsuleRun";
  declared->key = key_of(declared->kind, run.meta);
  kube::Capsule& made = declared->capsule;
  if (capsule != nullptr) {
    made = *capsule;
  } else {
    made.function = run.function;
    made.end = run.end;
  }
  made.meta = run.meta;
  made.cluster = false;  // its targets are those of the run's namespace
  made.suspend = false;
  made.execution = {};
  made.max_runs_per_node = run.parallelism;
  made.container = run.container.empty() ? made.container : run.container;
  if (run.selector) {
    made.selector = *run.selector;
  }
  declared->once = Once{.pod = run.pod,
                        .pod_uid = run.pod_uid,
                        .any_label = !run.selector && capsule == nullptr,
                        .backoff_limit = run.backoff_limit,
                        .requested_by = run.requested_by,
                        .groups = run.requested_by_groups};
  return declared;
}

bool is_same(const Declared& before, const Declared& now) {
  const kube::ObjectMeta& a = before.capsule.meta;
  const kube::ObjectMeta& b = now.capsule.meta;
  return before.key == now.key && a.spec_hash == b.spec_hash && a.generation == b.generation &&
         a.annotations == b.annotations && (!now.once || before.once->access == now.once->access);
}

bool is_for(const Declared& declared, const NodeTarget& target) {
  if (!declared.once) {
    return is_for(declared.capsule, target);
  }
  const Once& once = *declared.once;
  const std::string& pod = target.pod_uid.empty() ? target.target.name : target.target.pod;
  if ((!once.pod.empty() && once.pod != pod) ||
      (!once.pod_uid.empty() && once.pod_uid != target.pod_uid)) {
    return false;
  }
  if (!once.any_label) {
    return is_for(declared.capsule, target);
  }
  kube::Capsule by_name = declared.capsule;
  by_name.selector = {};  // matches all
  return is_for(by_name, target);
}

}  // namespace recap::caplet
