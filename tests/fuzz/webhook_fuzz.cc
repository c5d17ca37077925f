// SPDX-License-Identifier: Apache-2.0
// Any bytes as headers and body of a call of a webhook, that is as a notification of Alertmanager
// or CloudEvents: what is none is refused with a sentence, and every event has the labels that it
// has. HTTP itself is read by Boost.Beast.
#include <algorithm>
#include <string>

#include "check.h"
#include "controller/hook_event.h"

namespace {

using namespace recap;  // NOLINT: a test
using fuzz::check;

void read_events(const service::HttpPost& post) {
  const auto events = controller::events_of(post);
  if (!events) {
    check(events.error().kind() == base::Kind::kInvalid && !events.error().message().empty());
    return;
  }
  for (const controller::HookEvent& event : *events) {
    check(event.has({}) && event.has(event.labels));
    kube::Labels more = event.labels;
    more["not a label of anybody"] = "";
    check(!event.has(more) || event.labels.contains("not a label of anybody"));
    check(event.id.empty() || event.labels.contains("specversion"));
  }
}

// "name: value" lines, an empty one, the body: as the server hands a request on.
service::HttpPost post_of(std::string_view text) {
  service::HttpPost post;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) {
      break;
    }
    post.headers[std::string(line.substr(0, colon))] = line.substr(colon + 2);
  }
  post.body = text;
  return post;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_events(post_of(text));
  for (const char* type :
       {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}) {
    read_events({.rest = "", .headers = {{"content-type", type}}, .body = std::string(text)});
  }
  return 0;
}
