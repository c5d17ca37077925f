// SPDX-License-Identifier: Apache-2.0
#include "kubectl/run_state.h"

#include <boost/json/array.hpp>

#include "console/output.h"
#include "kube/bytes.h"
#include "kube/json.h"

namespace recap::kubectl {
namespace {

namespace json = boost::json;
using kube::text_at;

constexpr int kExitDeadline = 124;
constexpr int kExitMixed = 1;
constexpr std::int64_t kSecond = 1'000'000'000;

template <typename F>
void each_object(const json::array* array, F&& visit) {
  if (array != nullptr) {
    for (const json::value& value : *array) {
      if (const json::object* object = value.if_object()) {
        visit(*object);
      }
    }
  }
}

std::string tail_of(const json::object& result, const char* field) {
  const std::string_view text = text_at(result, {field});
  if (text_at(result, {"outputEncoding"}) == "Base64") {
    return kube::decode_base64(text).value_or("");
  }
  return std::string(text);
}

TargetResult result_of(const json::object& from) {
  TargetResult result;
  result.pod = text_at(from, {"pod"});
  result.container = text_at(from, {"container"});
  result.node = text_at(from, {"node"});
  result.run_id = text_at(from, {"runID"});
  result.reason = text_at(from, {"reason"});
  result.message = text_at(from, {"message"});
  if (const auto code = kube::number_at(from, {"exitCode"})) {
    result.exit_code = static_cast<int>(*code);
  }
  result.out = tail_of(from, "outputTail");
  result.err = tail_of(from, "errorTail");
  result.out_bytes = kube::number_at(from, {"outputBytes"}).value_or(0);
  result.err_bytes = kube::number_at(from, {"errorBytes"}).value_or(0);
  if (const json::array* residue = kube::array_at(from, {"residue"})) {
    for (const json::value& each : *residue) {
      result.residue.emplace_back(each.is_string() ? std::string(each.get_string()) : "");
    }
  }
  return result;
}

std::string function_of(const json::object& object) {
  std::string_view name = text_at(object, {"spec", "function"});
  name = name.empty() ? text_at(object, {"spec", "image"}) : name;
  return std::string(name.empty() ? text_at(object, {"spec", "capsuleRef", "name"}) : name);
}

void read_conditions(const json::object& object, RunState& run) {
  each_object(kube::array_at(object, {"status", "conditions"}), [&](const json::object& condition) {
    const std::string_view type = text_at(condition, {"type"});
    run.is_bound = run.is_bound || type == "Bound";
    if (text_at(condition, {"status"}) == "True" && (type == "Complete" || type == "Failed")) {
      run.reason = text_at(condition, {"reason"});
      run.message = text_at(condition, {"message"});
    }
  });
}

}  // namespace

RunState run_state_of(const json::object& object) {
  RunState run;
  const kube::Meta meta = kube::meta_of(object);
  run.name = meta.name;
  run.ns = meta.ns;
  run.created_s =
      kube::parse_time(text_at(object, {"metadata", "creationTimestamp"})).value_or(0) / kSecond;
  run.is_part = !text_at(object, {"metadata", "labels", "recap.dev/run"}).empty();
  run.function = function_of(object);
  run.pod = text_at(object, {"spec", "podName"});
  run.node = text_at(object, {"spec", "nodeName"});
  run.has_parts = run.pod.empty();
  run.is_bound = !run.node.empty();
  run.phase = text_at(object, {"status", "phase"});
  read_conditions(object, run);
  const auto count = [&](const char* what) {
    return kube::number_at(object, {"status", "targets", what}).value_or(0);
  };
  run.total = count("total");
  run.succeeded = count("succeeded");
  run.failed = count("failed");
  run.skipped = count("skipped");
  each_object(kube::array_at(object, {"status", "results"}),
              [&](const json::object& each) { run.results.push_back(result_of(each)); });
  return run;
}

int exit_code_of(const RunState& run) {
  if (run.phase == "Succeeded") {
    return 0;
  }
  std::optional<int> code;
  for (const TargetResult& result : run.results) {
    const int each = result.exit_code.value_or(console::kExitOurs);
    if (each != 0 && code && *code != each) {
      return kExitMixed;
    }
    code = each != 0 ? each : code;
  }
  if (!code && run.reason == "DeadlineExceeded") {
    return kExitDeadline;
  }
  return code.value_or(console::kExitOurs);
}

std::string status_text(const RunState& run) {
  if (!run.has_ended()) {
    return run.phase.empty() ? "Pending" : run.phase;
  }
  if (run.has_parts) {
    return run.phase + " (" + std::to_string(run.succeeded) + " of " + std::to_string(run.total) +
           " succeeded)";
  }
  if (!run.results.empty() && run.results[0].exit_code.value_or(0) != 0) {
    return run.phase + " (" + std::to_string(*run.results[0].exit_code) + ")";
  }
  return run.phase;
}

}  // namespace recap::kubectl
