// SPDX-License-Identifier: Apache-2.0
// See containerd.h.
#include "targets/containerd.h"

#include "targets/annotations.h"
#include "targets/files.h"
#include "targets/json.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

// The shim says which runtime it drives: "…/containerd-shim-runsc-v1" → "runsc".
std::string oci_runtime_of(const linux::DirFd& dir) {
  const auto shim = read_state(dir, "shim-binary-path");
  if (!shim) {
    return {};
  }
  constexpr std::string_view kShim = "containerd-shim-";
  std::string_view name(*shim);
  name.remove_prefix(name.rfind('/') == name.npos ? 0 : name.rfind('/') + 1);
  if (name.starts_with(kShim)) {
    name.remove_prefix(kShim.size());
  }
  return std::string(name.substr(0, name.rfind("-v")));
}

Result<Target> parse_bundle(const linux::DirFd& dir, const BundleName& bundle) {
  const std::string config = RECAP_TRY(read_state(dir, "config.json"));
  const auto document =
      RECAP_TRY(JsonDocument::parse(config, "config.json of " + shown(bundle.id)));
  Target target;
  target.id = bundle.id;
  target.name = bundle.id;
  target.runtime = bundle.ns == "moby" ? "docker" : "containerd";
  target.ns = bundle.ns;
  target.oci_runtime = oci_runtime_of(dir);
  add_labels(target, document.root()["annotations"]);
  fill_pod_names(target);
  // A systemd cgroup is written "slice:prefix:name", which cgroup.h recognizes by itself.
  const std::string_view cgroup = document.root()["linux"]["cgroupsPath"].text();
  target.cgroup = cgroup.starts_with('/') ? cgroup : "";
  return target;
}

}  // namespace

Result<std::optional<Target>> containerd_container(const BundleName& bundle) {
  using Found = Result<std::optional<Target>>;
  if (!is_component(bundle.ns) || !is_component(bundle.id)) {
    return std::optional<Target>();
  }
  const auto dir = open_root(bundle.root + "/" + bundle.ns + "/" + bundle.id);
  const auto pid = dir ? read_state(*dir, "init.pid") : Result<std::string>(dir.error());
  if (!pid) {
    return pid.error().kind() == Kind::kNotFound ? Found(std::nullopt)
                                                 : Found(Error(pid.error()).context(bundle.root));
  }
  constexpr std::uint64_t kMaxPid = 4194304;
  const auto number = parse_number(*pid);
  if (!number || *number == 0 || *number > kMaxPid) {
    return Error(Kind::kCorrupt, "init.pid of " + shown(bundle.id) + " holds no process id");
  }
  Target target = RECAP_TRY(parse_bundle(*dir, bundle).context(bundle.root));
  target.pid = static_cast<std::uint32_t>(*number);
  return std::optional(std::move(target));
}

Result<std::vector<std::string>> containerd_namespaces(const std::string& root) {
  using Names = Result<std::vector<std::string>>;
  const auto dir = open_root(root);
  if (!dir) {
    return dir.error().kind() == Kind::kNotFound ? Names(std::vector<std::string>())
                                                 : Names(Error(dir.error()).context(root));
  }
  return directories_in(*dir).context(root);
}

Result<std::vector<BundleName>> containerd_bundles(const std::string& root) {
  std::vector<BundleName> bundles;
  for (const std::string& ns : RECAP_TRY(containerd_namespaces(root))) {
    const auto dir = open_root(root + "/" + ns);
    const auto ids = dir ? directories_in(*dir) : Result<std::vector<std::string>>(dir.error());
    if (!ids && ids.error().kind() != Kind::kNotFound) {  // a namespace may vanish meanwhile
      return Error(ids.error()).context(root);
    }
    for (const std::string& id : ids ? *ids : std::vector<std::string>()) {
      bundles.push_back({root, ns, id});
    }
  }
  return bundles;
}

}  // namespace recap::targets
