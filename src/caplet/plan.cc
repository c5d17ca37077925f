// SPDX-License-Identifier: Apache-2.0
#include "caplet/plan.h"

#include "caplet/cron.h"
#include "capsule/function_limits.h"
#include "linux/process.h"

namespace recap::caplet {
namespace {

base::Status check_limits(const kube::FunctionSpec& function) {
  const auto limits = capsule::limits_of(request_of(function, {}).limits, {});
  return limits ? base::Status() : base::Error(limits.error()).context("spec.resources.limits");
}

base::Status check_execution(const kube::ExecutionSpec& execution) {
  if (execution.type != kube::ExecutionType::kPeriodic) {
    return {};
  }
  const kube::PeriodicSpec& periodic = execution.periodic;
  const auto schedule = CronSchedule::parse(periodic.schedule, periodic.time_zone);
  return schedule ? base::Status()
                  : base::Error(schedule.error()).context("spec.execution.periodic");
}

}  // namespace

base::Status check(const kube::Manifest& manifest) {
  if (const auto* run = std::get_if<kube::CapsuleRun>(&manifest)) {
    return check_limits(run->function).context("CapsuleRun " + run->meta.name);
  }
  const auto& capsule = std::get<kube::Capsule>(manifest);
  base::Status ok = check_execution(capsule.execution);
  if (ok) {
    ok = check_limits(capsule.function);
  }
  return std::move(ok).context("Capsule " + capsule.meta.name);
}

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
