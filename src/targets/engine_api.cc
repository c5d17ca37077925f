// SPDX-License-Identifier: Apache-2.0
// See engine_api.h.
#include "targets/engine_api.h"

#include "targets/annotations.h"
#include "targets/http.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

Error refused(const Engine& engine, const HttpAnswer& answer) {
  std::string why = "status " + std::to_string(answer.status);
  const auto document = JsonDocument::parse(answer.body, "the answer");
  if (document && !document->root()["message"].text().empty()) {
    why += ", " + shown(document->root()["message"].text());
  }
  // Docker answers 500 or 400 to an id prefix that several containers have.
  const bool ambiguous = answer.body.find("multiple IDs") != std::string::npos ||
                         answer.body.find("more than one result") != std::string::npos;
  return {
      ambiguous ? Kind::kInvalid : Kind::kUnsupported,
      std::string(engine.title) + " refuses: " + why + (ambiguous ? "; write more of the id" : "")};
}

}  // namespace

Result<Target> parse_container(Json container, std::string_view runtime) {
  constexpr std::uint64_t kMaxPid = 4194304;
  Target target;
  target.runtime = runtime;
  target.id = container["Id"].text();
  std::string_view name = container["Name"].text();
  if (name.starts_with('/')) {  // Docker's habit
    name.remove_prefix(1);
  }
  const Json state = container["State"];
  const std::uint64_t pid = state["Pid"].number().value_or(0);
  if (!is_hex64(target.id) || !is_engine_name(name) || pid > kMaxPid) {
    return Error(Kind::kCorrupt, "the container engine's answer names no container");
  }
  target.name = name;
  target.pid = static_cast<std::uint32_t>(pid);
  if (state["Paused"].flag()) {
    target.state = State::kPaused;
  } else if (!state["Running"].flag() || pid == 0) {
    target.state = State::kStopped;
  }
  add_labels(target, container["Config"]["Labels"]);
  return target;
}

Result<std::optional<Target>> engine_container(const Engine& engine, const std::string& socket,
                                               std::string_view name) {
  if (!is_engine_name(name)) {
    return std::optional<Target>();
  }
  const std::string path = std::string(engine.path) + "/containers/" + std::string(name) + "/json";
  const auto answer = http_get(socket, path);
  if (!answer && answer.error().kind() == Kind::kNotFound) {
    return std::optional<Target>();
  }
  if (!answer) {
    return answer.error();
  }
  if (answer->status == 404) {
    return std::optional<Target>();
  }
  if (answer->status != 200) {
    return refused(engine, *answer);
  }
  const auto document = RECAP_TRY(JsonDocument::parse(answer->body, socket));
  Target target = RECAP_TRY(engine.parse(document.root()).context(socket));
  fill_pod_names_by_name(target);
  return std::optional(std::move(target));
}

Result<std::vector<std::string>> engine_ids(const Engine& engine, const std::string& socket) {
  const auto answer = http_get(socket, std::string(engine.path) + "/containers/json");
  if (!answer && answer.error().kind() == Kind::kNotFound) {
    return std::vector<std::string>();
  }
  if (!answer) {
    return answer.error();
  }
  if (answer->status != 200) {
    return refused(engine, *answer);
  }
  const auto document = RECAP_TRY(JsonDocument::parse(answer->body, socket));
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < document.root().size(); ++i) {
    if (const auto id = document.root().at(i)["Id"].text(); is_hex64(id)) {
      ids.emplace_back(id);
    }
  }
  return ids;
}

}  // namespace recap::targets
