// SPDX-License-Identifier: Apache-2.0
// Which pods are the targets of a CapsuleRun. They are asked for when they are wanted, not watched:
// the answer is current, and the pods of a large cluster need no memory here.
#pragma once

#include <string>
#include <vector>

#include "controller/run_view.h"
#include "kube/client.h"
#include "kube/kinds.h"

namespace recap::controller {

struct PodView {
  std::string name, uid, node;
  kube::Labels labels;
  std::string problem;  // why it is no target, as the end of "pod web ..."; empty: it is one
};

kube::Labels labels_of(const boost::json::object& object);

PodView pod_view(const boost::json::object& pod);

// As a request's labelSelector has it: "app in (web),!canary".
std::string selector_text(const kube::LabelSelector& selector);

// What a run asks for, with the Capsule that it names. kNotFound: there is no such Capsule.
struct Wanted {
  std::string ns;
  std::string pod;             // only this one, if not empty
  kube::LabelSelector labels;  // all of them have to match
  bool has_namespace = true;   // false: its Capsule is not for this namespace
};
kube::Task<Wanted> wanted_by(kube::Client client, kube::CapsuleRun run);

// kNotFound: no pod of that name.
kube::Task<PodView> find_pod(kube::Client client, std::string ns, std::string name);

// The pods that a run asks for and that are targets, in the order of their names. kNotFound: there
// is no such Capsule.
kube::Task<std::vector<PodView>> find_targets(kube::Client client, kube::CapsuleRun run);

}  // namespace recap::controller
