// SPDX-License-Identifier: Apache-2.0
// See cgroup.h.
#include "targets/cgroup.h"

#include <algorithm>
#include <array>
#include <vector>

#include "targets/files.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

struct Line {
  std::string_view controllers;  // "" is cgroup v2
  std::string_view path;
};

std::vector<Line> lines_of(std::string_view cgroups) {
  std::vector<Line> lines;
  for (const auto line : split(cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? first : line.find(':', first + 1);
    if (second != line.npos) {
      lines.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
    }
  }
  return lines;
}

// The components of `line` below those that the host's init shares.
std::vector<std::string_view> own_components(const Line& line, const std::vector<Line>& host) {
  auto components = split(line.path, '/');
  const auto same = std::ranges::find(host, line.controllers, &Line::controllers);
  if (same != host.end()) {
    const auto shared = split(same->path, '/');
    const auto [end, _] = std::ranges::mismatch(components, shared);
    components.erase(components.begin(), end);
  }
  return components;
}

struct Prefix {
  std::string_view text;
  std::string_view runtime;
};
constexpr std::array<Prefix, 8> kPrefixes{{{"docker-", "docker"},
                                           {"cri-containerd-", "containerd"},
                                           {"nerdctl-", "containerd"},
                                           {"libpod-", "podman"},
                                           {"crio-", "cri-o"},
                                           {"runc-", "process"},
                                           {"crun-", "process"},
                                           {"youki-", "process"}}};

std::string_view without_scope(std::string_view component) {
  constexpr std::string_view kScope = ".scope";
  if (component.ends_with(kScope)) {
    component.remove_suffix(kScope.size());
  }
  return component;
}

bool names(std::string_view component, std::string_view id) {
  const std::string_view bare = without_scope(component);
  return component == id || std::ranges::any_of(kPrefixes, [&](const Prefix& prefix) {
           return bare.starts_with(prefix.text) && bare.substr(prefix.text.size()) == id;
         });
}

// By the parent's name, where the component is the bare id.
std::string_view runtime_of(const std::vector<std::string_view>& components, std::size_t at) {
  if (at > 0 && components[at - 1] == "docker") {
    return "docker";
  }
  const bool in_pod =
      std::any_of(components.begin(), components.begin() + static_cast<std::ptrdiff_t>(at),
                  [](std::string_view part) { return part.starts_with("kubepods"); });
  return in_pod ? "containerd" : "process";
}

std::optional<Owner> owner_in(const std::vector<std::string_view>& components) {
  for (std::size_t i = 0; i < components.size(); ++i) {
    const std::string_view bare = without_scope(components[i]);
    if (is_hex64(bare)) {
      return Owner{std::string(bare), std::string(runtime_of(components, i))};
    }
    for (const Prefix& prefix : kPrefixes) {
      if (bare.starts_with(prefix.text) && is_hex64(bare.substr(prefix.text.size()))) {
        return Owner{std::string(bare.substr(prefix.text.size())), std::string(prefix.runtime)};
      }
    }
  }
  return std::nullopt;
}

bool is_at_or_below(std::string_view path, std::string_view cgroup) {
  return path.starts_with(cgroup) && (path.size() == cgroup.size() || path[cgroup.size()] == '/');
}

bool has_controller(std::string_view controllers, std::string_view name) {
  const auto all = split(controllers, ',');
  return std::ranges::find(all, name) != all.end();
}

}  // namespace

std::string host_cgroups(const Roots& roots) {
  const auto init = open_root(roots.proc + "/1");
  if (!init) {
    return {};
  }
  auto text = read_kernel_file(*init, "cgroup");
  return text ? *std::move(text) : std::string();
}

std::optional<Owner> container_of(std::string_view cgroups, std::string_view host) {
  const auto host_lines = lines_of(host);
  for (const Line& line : lines_of(cgroups)) {
    if (auto owner = owner_in(own_components(line, host_lines))) {
      return owner;
    }
  }
  return std::nullopt;
}

Naming compare(std::string_view cgroups, std::string_view host, std::string_view id,
               std::string_view recorded) {
  const auto host_lines = lines_of(host);
  Naming result = Naming::kNoContainer;
  for (const Line& line : lines_of(cgroups)) {
    if (recorded.size() > 1 && is_at_or_below(line.path, recorded)) {
      result = Naming::kThisContainer;
      continue;
    }
    const auto components = own_components(line, host_lines);
    const auto mine = std::ranges::find_if(
        components, [&](std::string_view component) { return names(component, id); });
    const std::vector<std::string_view> above(components.begin(), mine);
    if (owner_in(above)) {
      return Naming::kAnotherContainer;
    }
    if (mine != components.end()) {
      result = Naming::kThisContainer;
    }
  }
  return result;
}

bool is_frozen(std::string_view cgroups, const Roots& roots) {
  const auto root = open_root(roots.cgroup);
  if (!root) {
    return false;
  }
  for (const Line& line : lines_of(cgroups)) {
    const std::string path(line.path);
    if (has_controller(line.controllers, "freezer")) {
      const auto state = read_kernel_file(*root, "freezer" + path + "/freezer.state");
      if (state && (state->starts_with("FROZEN") || state->starts_with("FREEZING"))) {
        return true;
      }
    } else if (line.controllers.empty()) {
      auto events = read_kernel_file(*root, "unified" + path + "/cgroup.events");  // hybrid
      if (!events) {
        events = read_kernel_file(*root, path.substr(1) + "/cgroup.events");
      }
      if (events && events->find("frozen 1") != std::string::npos) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace recap::targets
