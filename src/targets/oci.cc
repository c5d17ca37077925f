// SPDX-License-Identifier: Apache-2.0
// See oci.h.
#include "targets/oci.h"

#include <algorithm>
#include <cerrno>

#include "targets/annotations.h"
#include "targets/files.h"
#include "targets/json.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr std::uint64_t kMaxPid = 4194304;  // PID_MAX_LIMIT of the kernel

// Whose container it is, from what the manager told the runtime: its annotation, or its bundle.
void fill_manager(Target& target, std::string_view bundle) {
  const auto manager = target.labels.find("io.container.manager");
  if (manager != target.labels.end() && manager->second == "libpod") {
    target.runtime = "podman";
  } else if (manager != target.labels.end() && manager->second == "cri-o") {
    target.runtime = "cri-o";
  } else if (const auto parts = split(bundle, '/');
             parts.size() >= 3 && parts[parts.size() - 3].starts_with("io.containerd.runtime.")) {
    const std::string_view ns = parts[parts.size() - 2];
    target.runtime = ns == "moby" ? "docker" : "containerd";
    target.ns = ns;
  }
}

base::Status fill_process(Target& target, Json pid, Json start) {
  const auto number = pid.number();
  if (!number || *number > kMaxPid) {
    return Error(Kind::kCorrupt,
                 "the runtime's state of " + shown(target.id) + " has no process id");
  }
  target.pid = static_cast<std::uint32_t>(*number);
  if (target.pid == 0) {
    target.state = State::kStopped;
  }
  target.start_time = start.number().value_or(0);
  target.start_time_recorded = target.start_time != 0;
  return {};
}

// "/sys/fs/cgroup/pids/docker/ID" → "/docker/ID". Every hierarchy is mounted by its own name, so
// one whose path we know where to cut serves: pids on version 1, the only one on version 2.
std::string cgroup_of(Json paths) {
  constexpr std::string_view kMount = "/sys/fs/cgroup";
  for (const std::string_view controller : {"pids", "devices", ""}) {
    std::string_view path = paths[controller].text();
    const std::string mount = controller.empty()
                                  ? std::string(kMount)
                                  : std::string(kMount) + "/" + std::string(controller);
    if (path.starts_with(mount + "/")) {
      return std::string(path.substr(mount.size()));
    }
  }
  return {};
}

Target named_by_id(std::string_view id, std::string_view runtime) {
  Target target;
  target.id = id;
  target.name = id;
  target.runtime = runtime;
  target.oci_runtime = runtime;
  return target;
}

// runc keeps annotations as "key=value" among its own labels; "bundle=" comes last.
std::string runc_labels(Target& target, Json labels) {
  std::string bundle;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string_view label = labels.at(i).text();
    const std::size_t equal = label.find('=');
    if (equal == label.npos || equal == 0) {
      continue;
    }
    const std::string_view key = label.substr(0, equal);
    if (key == "bundle") {
      bundle = label.substr(equal + 1);
    } else {
      target.labels[std::string(key)] = label.substr(equal + 1);
    }
  }
  return bundle;
}

// crun's status has no annotations; the bundle it names does.
void add_bundle_annotations(Target& target, const std::string& bundle) {
  const auto dir = open_root(bundle);
  const auto text = dir ? read_state(*dir, "config.json") : Result<std::string>(dir.error());
  if (!text) {
    return;  // a bundle may be removed once the container runs
  }
  const auto document = JsonDocument::parse(*text, bundle + "/config.json");
  if (document) {
    add_labels(target, document->root()["annotations"]);
  }
}

Result<Target> parse_youki_state(Json root, std::string_view id) {
  Target target = named_by_id(id, "youki");
  RECAP_TRY(fill_process(target, root["pid"], Json()));
  add_labels(target, root["annotations"]);
  if (root["status"].text() == "paused") {
    target.state = State::kPaused;
  }
  fill_manager(target, root["bundle"].text());
  fill_pod_names(target);
  return target;
}

}  // namespace

Result<Target> parse_runc_state(std::string_view text, std::string_view id) {
  const auto document = RECAP_TRY(JsonDocument::parse(text, "state.json of " + shown(id)));
  const Json root = document.root();
  if (root["id"].text() != id) {
    return Error(Kind::kCorrupt, "state.json of " + shown(id) + " is another container's");
  }
  if (root["ociVersion"].present()) {
    return parse_youki_state(root, id);
  }
  Target target = named_by_id(id, "runc");
  RECAP_TRY(fill_process(target, root["init_process_pid"], root["init_process_start"]));
  target.cgroup = cgroup_of(root["cgroup_paths"]);
  fill_manager(target, runc_labels(target, root["config"]["labels"]));
  fill_pod_names(target);
  return target;
}

Result<Target> parse_crun_status(std::string_view text, std::string_view id) {
  const auto document = RECAP_TRY(JsonDocument::parse(text, "crun's status of " + shown(id)));
  const Json root = document.root();
  Target target = named_by_id(id, "crun");
  RECAP_TRY(fill_process(target, root["pid"], root["process-start-time"]));
  target.cgroup = root["cgroup-path"].text();
  if (!target.cgroup.empty() && target.cgroup.front() != '/') {
    target.cgroup.insert(target.cgroup.begin(), '/');
  }
  const std::string bundle(root["bundle"].text());
  add_bundle_annotations(target, bundle);
  fill_manager(target, bundle);
  fill_pod_names(target);
  return target;
}

Result<std::optional<Target>> oci_container(const std::string& root, std::string_view id) {
  using Found = Result<std::optional<Target>>;
  if (!is_component(id)) {
    return std::optional<Target>();
  }
  const auto dir = open_root(root + "/" + std::string(id));
  if (!dir) {
    const bool is_none =
        dir.error().kind() == Kind::kNotFound || dir.error().errno_value() == ENOTDIR;
    return is_none ? Found(std::nullopt) : Found(Error(dir.error()).context(root));
  }
  auto text = read_state(*dir, "state.json");
  if (text) {
    return std::optional(RECAP_TRY(parse_runc_state(*text, id).context(root)));
  }
  if (text.error().kind() == Kind::kNotFound) {
    text = read_state(*dir, "status");
    if (text) {
      return std::optional(RECAP_TRY(parse_crun_status(*text, id).context(root)));
    }
  }
  // Neither file: the runtime is just creating or deleting it.
  return text.error().kind() == Kind::kNotFound ? Found(std::nullopt)
                                                : Found(Error(text.error()).context(root));
}

Result<std::vector<std::string>> oci_ids(const std::string& root) {
  using Ids = Result<std::vector<std::string>>;
  const auto dir = open_root(root);
  if (!dir) {
    return dir.error().kind() == Kind::kNotFound ? Ids(std::vector<std::string>())
                                                 : Ids(Error(dir.error()).context(root));
  }
  return directories_in(*dir).context(root);
}

}  // namespace recap::targets
