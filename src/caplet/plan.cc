// SPDX-License-Identifier: Apache-2.0
#include "caplet/plan.h"

#include "linux/process.h"

namespace recap::caplet {

capsule::RunRequest request_of(const kube::FunctionSpec& function, const kube::EndSpec& end) {
  capsule::RunRequest request;
  request.image = function.reference();
  request.words = function.args;
  if (!function.command.empty()) {
    request.entrypoint = function.command.front();
    request.words.insert(request.words.begin(), function.command.begin() + 1,
                         function.command.end());
  }
  request.requested_ns = linux::monotonic_ns();
  request.grant = function.grant;
  request.allow_host_namespaces = function.host_namespaces;
  capsule::LimitRequest& limits = request.limits;
  limits.cpu_millis = function.cpu_millis;
  limits.memory_bytes = function.memory_bytes;
  limits.pids = function.pids;
  limits.scratch_bytes = function.scratch_bytes;
  limits.out_bytes = function.artifact_bytes;
  limits.deadline_ms = static_cast<std::uint64_t>(end.active_deadline_s.value_or(0)) * 1000;
  limits.grace_ms = static_cast<std::uint64_t>(end.grace_s) * 1000;
  request.detached = true;
  request.env = function.env;
  return request;
}

std::string requester_of(std::string_view kind, const kube::ObjectMeta& meta) {
  std::string text(kind);
  text += "/" + (meta.ns.empty() ? "" : meta.ns + "/") + meta.name;
  if (meta.generation != 0) {
    text += "#" + std::to_string(meta.generation);
  }
  return text.substr(0, 200);
}

std::string name_of_run(std::string_view capsule, std::string_view run_id) {
  // The whole id: a name is one live run's at a time.
  return std::string(capsule.substr(0, 50)) + "-" + std::string(run_id);
}

}  // namespace recap::caplet
