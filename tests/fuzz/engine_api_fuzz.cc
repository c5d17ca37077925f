// SPDX-License-Identifier: Apache-2.0
// Any bytes as the answer of Docker or Podman, and as the state files of runc, crun and youki: a
// target that comes out has names that cannot be paths, and a possible pid.
#include <string>

#include "check.h"
#include "targets/engine_api.h"
#include "targets/http.h"
#include "targets/oci.h"
#include "targets/text.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

constexpr std::uint32_t kMaxPid = 4194304;

// Visits everything, as a reader that knows no schema would.
std::size_t walk(targets::Json value) {
  std::size_t seen = value.text().size() + (value.flag() ? 1 : 0) + value.number().value_or(0) % 2;
  for (std::size_t i = 0; i < value.size(); ++i) {
    seen += walk(value.at(i)) + walk(value.member(i)) + value.key(i).size();
  }
  return seen;
}

void read_json(std::string_view text) {
  const auto document = targets::JsonDocument::parse(text, "the answer");
  if (!document) {
    return;
  }
  (void)walk(document->root());
  for (const targets::Engine* engine : {&targets::docker_engine(), &targets::podman_engine()}) {
    if (const auto target = engine->parse(document->root())) {
      check(targets::is_hex64(target->id) && targets::is_engine_name(target->name));
      check(target->pid <= kMaxPid && target->runtime == engine->runtime);
      check(target->pid != 0 || target->state == targets::State::kStopped ||
            target->state == targets::State::kPaused);
    }
  }
}

void read_answer(std::string_view text) {
  if (const auto answer = targets::parse_answer(std::string(text))) {
    check(answer->status >= 100 && answer->status <= 599 && answer->body.size() < text.size());
    check(answer->body.empty() || text.find(answer->body) != std::string_view::npos);
    read_json(answer->body);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_answer(text);
  read_json(text);
  if (const auto target = targets::parse_runc_state(text, "web")) {
    check(target->pid <= kMaxPid && target->id == "web");
  }
  if (const auto target = targets::parse_crun_status(text, "web")) {
    check(target->pid <= kMaxPid && target->id == "web");
  }
  return 0;
}
