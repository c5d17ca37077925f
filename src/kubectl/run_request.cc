// SPDX-License-Identifier: Apache-2.0
#include "kubectl/run_request.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

#include "capsule/quantity.h"
#include "policy/capabilities.h"
#include "policy/words.h"

namespace recap::kubectl {
namespace {

namespace json = boost::json;

template <typename Texts>
json::array array_of(const Texts& texts) {
  json::array out;
  for (const auto& text : texts) {
    out.emplace_back(text);
  }
  return out;
}

// "reserved" → "Reserved", as the kind writes it.
std::string capitalised(std::string_view word) {
  std::string out(word);
  out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

// As the catalogue writes names; anything else is an image reference.
bool is_function(std::string_view name) {
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

void add_view(json::object& spec, const policy::Request& grant) {
  json::object view;
  if (grant.view) {
    view["root"] = policy::name_of(*grant.view);
  }
  if (grant.paths) {
    json::array paths;
    for (const policy::PathGrant& path : *grant.paths) {
      paths.push_back(json::object{{"path", path.path}, {"writable", path.writable}});
    }
    view["paths"] = std::move(paths);
  }
  if (!view.empty()) {
    spec["view"] = std::move(view);
  }
}

void add_grant(json::object& spec, const capsule::RunRequest& request) {
  const policy::Request& asked = request.grant;
  if (asked.share) {
    json::array names;
    policy::each_share(*asked.share, [&](std::string_view name) { names.emplace_back(name); });
    spec["share"] = std::move(names);
  }
  add_view(spec, asked);
  json::object grant;
  if (asked.capabilities) {
    json::array names;
    policy::each_capability(*asked.capabilities,
                            [&](const std::string& name) { names.emplace_back(name); });
    grant["capabilities"] = std::move(names);
  }
  if (asked.run_as) {
    grant["runAs"] = capitalised(policy::name_of(*asked.run_as));
  }
  if (asked.profile) {
    grant["profile"] = policy::name_of(*asked.profile);
  }
  if (request.allow_host_namespaces) {
    grant["hostNamespaces"] = true;
  }
  if (!grant.empty()) {
    spec["grant"] = std::move(grant);
  }
}

// Whole seconds, never less than was asked for.
std::int64_t seconds_of(std::uint64_t ms) { return static_cast<std::int64_t>((ms + 999) / 1000); }

void add_limits(json::object& spec, const capsule::LimitRequest& asked) {
  json::object limits;
  if (asked.cpu_millis) {
    limits["cpu"] = std::to_string(*asked.cpu_millis) + "m";
  }
  if (asked.memory_bytes) {
    limits["memory"] = std::to_string(*asked.memory_bytes);
  }
  if (asked.pids) {
    limits["pids"] = *asked.pids;
  }
  if (asked.scratch_bytes) {
    limits["scratch"] = std::to_string(*asked.scratch_bytes);
  }
  if (!limits.empty()) {
    spec["resources"] = json::object{{"limits", std::move(limits)}};
  }
  if (asked.deadline_ms) {
    spec["activeDeadlineSeconds"] = seconds_of(*asked.deadline_ms);
  }
  if (asked.grace_ms) {
    spec["terminationGracePeriodSeconds"] = seconds_of(*asked.grace_ms);
  }
}

void add_function(json::object& spec, const capsule::RunRequest& request) {
  spec[is_function(request.image) ? "function" : "image"] = request.image;
  if (request.entrypoint) {
    spec["command"] = json::array{json::value(*request.entrypoint)};
  }
  if (!request.words.empty()) {
    spec["args"] = array_of(request.words);
  }
  if (!request.env.empty()) {
    json::array env;
    for (const auto& [name, value] : request.env) {
      env.push_back(json::object{{"name", name}, {"value", value}});
    }
    spec["env"] = std::move(env);
  }
}

void add_capsule(json::object& spec, std::string_view from) {
  const std::size_t slash = from.find('/');
  spec["capsuleRef"] =
      json::object{{"kind", from.substr(0, slash) == "capsule" ? "Capsule" : "ClusterCapsule"},
                   {"name", from.substr(slash + 1)}};
}

}  // namespace

json::object object_of(const RunCommand& command, const kube::UserInfo& user,
                       const std::string& name) {
  const capsule::RunRequest& request = command.options.request;
  json::object spec{{"requestedBy", user.name}};
  if (!user.groups.empty()) {
    spec["requestedByGroups"] = array_of(user.groups);
  }
  if (!request.target.empty()) {
    spec["podName"] = request.target;
  }
  if (!command.selector.empty()) {
    spec["selector"] = *selector_of(command.selector);  // it was looked at when it was given
  }
  if (!command.container.empty()) {
    spec["container"] = command.container;
  }
  if (command.parallelism) {
    spec["parallelism"] = *command.parallelism;
  }
  if (command.from.empty()) {
    add_function(spec, request);
  } else {
    add_capsule(spec, command.from);
  }
  add_grant(spec, request);
  add_limits(spec, request.limits);
  return {{"apiVersion", kube::kApiVersion},
          {"kind", "CapsuleRun"},
          {"metadata", json::object{{"name", name}}},
          {"spec", std::move(spec)}};
}

std::string name_stem(const RunCommand& command) {
  std::string_view name = command.from.empty() ? std::string_view(command.options.request.image)
                                               : std::string_view(command.from);
  name = name.substr(0, name.find('@'));
  name.remove_prefix(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
  name = name.substr(0, std::min<std::size_t>(name.find(':'), 50));
  std::string stem;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    stem += (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ? lower : '-';
  }
  return stem.empty() || stem.front() == '-' ? "run" + stem : stem;
}

}  // namespace recap::kubectl
